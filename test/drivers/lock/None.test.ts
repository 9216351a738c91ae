import { Effect } from "effect";
import { lock } from "../../../src/drivers/lock/None.ts";
import { lockContract } from "../../contract/lock.ts";

lockContract("none", Effect.succeed([lock, lock] as const), { exclusive: false });
