import { Effect } from "effect";
import { lock } from "../../../src/drivers/lock/None.ts";
import { lockContract } from "../../contract/lock.ts";

lockContract("none", Effect.succeed({ open: Effect.succeed(lock) }), { exclusive: false, shared: false });
