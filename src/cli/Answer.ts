import type { Outcome } from "./ExitCode.ts";
import type { Paint } from "./Paint.ts";

/** What a verb has to say: to a person, to a program, and to the shell. */
export interface Answer {
  readonly outcome: Outcome;
  /** One line; the `summary` of the envelope. */
  readonly summary: string;
  /** Plain data: the `result` of the envelope. */
  readonly result: unknown;
  /** Lines for a person, who does not see the two above. */
  readonly text: (paint: Paint) => ReadonlyArray<string>;
  /** Why this is no success, where it is none: the `error` of the envelope. */
  readonly problem?: { readonly code: string; readonly message: string; readonly remedy?: string };
}

/** An answer to a question, which is always a success. */
export const make = (answer: Omit<Answer, "outcome">): Answer => ({ outcome: { _tag: "Answered" }, ...answer });
