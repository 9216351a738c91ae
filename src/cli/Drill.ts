import { Either } from "effect";
import type { FaultPoint } from "../core/Faults.ts";
import { nearest } from "../core/Nearest.ts";
import { UsageError } from "./Failure.ts";

/** Where a drill kills the process: at the nth passing of a point, counted from 1. */
export interface Drill {
  readonly point: FaultPoint;
  readonly passing: number;
}

/** As a record, so that a point that is missing here does not compile. */
const points: Readonly<Record<FaultPoint, true>> = {
  "before-lock": true,
  "after-lock": true,
  "before-write": true,
  "before-commit": true,
  "after-commit": true,
  "before-read-back": true,
  "after-read-back": true,
  "before-post-steps": true,
  "before-delete": true,
  "after-delete": true,
  "before-unlock": true,
  "before-checkpoint": true,
  "after-checkpoint": true,
  "before-report": true,
  "after-report": true,
};

const isPoint = (text: string): text is FaultPoint => Object.hasOwn(points, text);

/** The variable that arms a drill, for crash tests and for who wants to see it: `NCPS_PIPELINE_FAULT=after-commit:3`. */
export const variable = "NCPS_PIPELINE_FAULT";

/** Reads `after-commit:3`. */
export const parse = (text: string): Either.Either<Drill, UsageError> => {
  const [, point = "", passing = ""] = /^([a-z-]+):([1-9]\d{0,8})$/.exec(text) ?? [];
  if (isPoint(point)) return Either.right({ point, passing: Number(passing) });
  const meant = nearest(text.replace(/:.*$/s, ""), Object.keys(points));
  return Either.left(
    new UsageError({
      reason: "flag",
      detail: `${variable} arms a crash drill and reads POINT:PASSING, not ${JSON.stringify(text)}`,
      remedy: meant === undefined ? `points: ${Object.keys(points).join(", ")}` : `write ${meant}:1`,
    }),
  );
};
