/** The file that ncps means by a database URL: `sqlite:/p`, `sqlite3:/p`, `sqlite:///p`, `sqlite:relative`. */
import { Either } from "effect";

const decode = (text: string): Either.Either<string, string> =>
  Either.try({ try: () => decodeURIComponent(text), catch: () => `${JSON.stringify(text)} has a % that is no escape` });

/**
 * Read as Go's `url.Parse` and ncps read it (kalbasit/ncps, pkg/database): the query is ignored, `#` belongs to the path, a host
 * is skipped; only a path that starts with a slash is unescaped. A left is what is wrong.
 */
export const pathOf = (url: string): Either.Either<string, string> =>
  Either.gen(function*() {
    const [, rest] = /^sqlite3?(?:\+[^:/]*)?:(.*)$/is.exec(url) ?? [];
    if (rest === undefined) return yield* Either.left("it does not start with sqlite:");
    const hash = rest.indexOf("#");
    const [beforeQuery = ""] = (hash < 0 ? rest : rest.slice(0, hash)).split("?", 1);
    const fragment = hash < 0 ? "" : `#${yield* decode(rest.slice(hash + 1))}`;
    const isOpaque = !beforeQuery.startsWith("/");
    const slashed = beforeQuery.startsWith("//") ? beforeQuery.slice(2).replace(/^[^/]*/, "") : beforeQuery;
    const path = isOpaque ? beforeQuery : yield* decode(slashed);
    if (path === "") return yield* Either.left("it names no file; write sqlite:/path/to/db.sqlite");
    if (path === ":memory:" || path.startsWith("file:")) {
      return yield* Either.left(`${path} is no path of a file; write sqlite:/path/to/db.sqlite`);
    }
    return fragment === "#" ? path : path + fragment;
  });
