import { Effect } from "effect";
import * as Local from "../../../src/drivers/lock/Local.ts";
import { lockContract } from "../../contract/lock.ts";

lockContract("local", Effect.map(Local.make, (lock) => ({ open: Effect.succeed(lock) })), {
  exclusive: true,
  shared: false,
});
