/** Keys of objects from the columns of rows: `store/{hash:1}/{hash:2}/{hash}.narinfo`, where `:n` takes the first n characters. */
import { Either } from "effect";

export interface KeyTemplate {
  readonly parts: ReadonlyArray<string | { readonly column: string; readonly length: number | undefined }>;
  readonly columns: ReadonlyArray<string>;
}

const placeholder = /\{([A-Za-z_][A-Za-z0-9_]*)(?::([1-9]\d{0,3}))?\}/g;

/** Left: what is wrong with it. */
export const parse = (text: string): Either.Either<KeyTemplate, string> => {
  if (/[{}]/.test(text.replace(placeholder, ""))) return Either.left("a brace has no partner, or holds no column");
  const parts: Array<KeyTemplate["parts"][number]> = [];
  let from = 0;
  for (const match of text.matchAll(placeholder)) {
    parts.push(text.slice(from, match.index), {
      column: match[1]!,
      length: match[2] === undefined ? undefined : Number(match[2]),
    });
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  const columns = [...new Set(parts.flatMap((part) => typeof part === "string" ? [] : [part.column]))];
  return columns.length === 0 ? Either.left("all rows would share one key") : Either.right({ parts, columns });
};

export const render = ({ parts }: KeyTemplate, valueOf: (column: string) => string): string =>
  parts.map((part) => typeof part === "string" ? part : valueOf(part.column).slice(0, part.length)).join("");
