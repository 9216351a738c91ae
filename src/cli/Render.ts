import { Context, Effect, Inspectable, Logger } from "effect";
import type { Progress } from "../engine/Report.ts";
import type { Answer } from "./Answer.ts";
import * as ExitCode from "./ExitCode.ts";
import * as Failure from "./Failure.ts";
import * as FindingText from "./FindingText.ts";
import type { Output } from "./Host.ts";
import * as Paint from "./Paint.ts";
import * as ProgressText from "./ProgressText.ts";

/** What `--json` prints: this, once, and nothing else. */
export interface Envelope {
  readonly command: string;
  readonly ok: boolean;
  readonly summary: string;
  readonly result: unknown;
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string | null } | null;
}

/** The one writer to stdout; logs, and under `--json` all that is said on the way, go to stderr. */
export class Render extends Context.Tag("ncps-pipeline/cli/Render")<Render, {
  /** Says something on the way. */
  readonly note: (text: string) => Effect.Effect<void>;
  readonly progress: (progress: Progress) => Effect.Effect<void>;
  /** Ends a command. */
  readonly answer: (command: string, answer: Answer) => Effect.Effect<void>;
  readonly failure: (command: string, failure: Failure.Failure) => Effect.Effect<void>;
  /** A bug of ours, or a signal before anything began. */
  readonly broken: (command: string, code: string, message: string, detail: string) => Effect.Effect<void>;
  readonly logger: Logger.Logger<unknown, void>;
}>() {}

/** Takes away a live line. */
export const eraseLine = "\r\u001b[2K";

/**
 * Invariant 9, as a second net: drivers name no secrets, but text that comes from below us is looked through for passwords in URLs.
 * `<password>` stands in the examples of our own remedies.
 */
const scrub = (text: string): string =>
  text.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*):(?!<password>@)[^\s/@]*@/gi, "$1:<redacted>@");

/** One line of JSON; int64 beyond a double's precision as text. */
const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "bigint"
      ? Number.isSafeInteger(Number(inner)) ? Number(inner) : String(inner)
      : inner);

export const make = (options: {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly json: boolean;
  readonly colour: boolean;
}): Render["Type"] => {
  const { colour, json, stderr, stdout } = options;
  const paintOf = (output: Output) => colour && output.isTerminal ? Paint.coloured : Paint.plain;
  const side = json ? stderr : stdout;
  const isLive = side.isTerminal;
  let hasLive = false;

  const write = (output: Output, text: string) => {
    if (hasLive) {
      hasLive = false;
      side.write(eraseLine);
    }
    output.write(scrub(text));
  };
  const lines = (output: Output, text: ReadonlyArray<string>) => {
    if (text.length > 0) write(output, `${text.join("\n")}\n`);
  };
  const envelope = (content: Envelope) => write(stdout, `${toJson(content)}\n`);

  return {
    note: (text) => Effect.sync(() => write(side, `${text}\n`)),

    progress: (progress) =>
      Effect.sync(() => {
        if (!isLive) return write(side, `${ProgressText.line(progress)}\n`);
        side.write(eraseLine + ProgressText.live(progress, paintOf(side)));
        hasLive = true;
      }),

    answer: (command, answer) =>
      Effect.sync(() => {
        const ok = ExitCode.of(answer.outcome) === 0;
        if (!json) return lines(stdout, answer.text(paintOf(stdout)));
        const { problem, result, summary } = answer;
        const { code, message, remedy } = problem ?? { code: `${command}/unclean`, message: summary };
        envelope({
          command,
          ok,
          summary,
          result,
          error: ok ? null : { code, message: scrub(message), remedy: remedy ?? null },
        });
      }),

    failure: (command, failure) =>
      Effect.sync(() => {
        const code = Failure.code(failure);
        const remedy = failure._tag === "FindingsError" ? undefined : failure.remedy;
        // Errors of ports carry the remedy in their message too.
        const tail = `. ${remedy}`;
        const message = failure.message.endsWith(tail) ? failure.message.slice(0, -tail.length) : failure.message;
        const result = failure._tag === "FindingsError" ? { findings: failure.findings } : null;
        if (json) {
          envelope({ command, ok: false, summary: message, result, error: { code, message, remedy: remedy ?? null } });
          return;
        }
        const paint = paintOf(stderr);
        lines(stderr, [
          ...(failure._tag === "FindingsError" ? FindingText.lines(failure.findings, paint) : []),
          ...(failure._tag === "FindingsError" ? [] : [`${paint.red("error")}  ${code}  ${message}`]),
          ...(remedy === undefined ? [] : [paint.dim(`    → ${remedy}`)]),
        ]);
      }),

    broken: (command, code, message, detail) =>
      Effect.sync(() => {
        lines(stderr, [`${paintOf(stderr).red("error")}  ${code}  ${message}`, ...(detail === "" ? [] : [detail])]);
        if (json) {
          envelope({ command, ok: false, summary: message, result: null, error: { code, message, remedy: null } });
        }
      }),

    logger: Logger.make(({ date, logLevel, message }) => {
      const text = (Array.isArray(message) ? message : [message]).map((part) =>
        typeof part === "string" ? part : Inspectable.toStringUnknown(part, 0)
      ).join(" ");
      const time = date.toISOString().replace(/\.\d+Z$/, "Z");
      write(stderr, `${time} ${logLevel.label} ${text}\n`);
    }),
  };
};
