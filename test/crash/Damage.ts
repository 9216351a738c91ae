/** What must be true of a cache and its database whatever was killed, cut off or full when: said of what is in them, whatever engine holds it. */
import * as ValidNarinfos from "../support/ValidNarinfos.ts";

type Row = Readonly<Record<string, unknown>>;

export const tables = [
  "narinfos",
  "narinfo_references",
  "narinfo_signatures",
  "nar_files",
  "narinfo_nar_files",
] as const;

export type Table = (typeof tables)[number];

/** All rows of the tables of ncps. */
export type Contents = Readonly<Record<Table, ReadonlyArray<Row>>>;

export const allOf = (total: number): ReadonlyArray<ValidNarinfos.ValidNarinfo> =>
  Array.from({ length: total }, (_, number) => ValidNarinfos.at(number, total));

/** Every fourth narinfo has a stub, as ncps leaves them: hash and URL. */
export const stubs = (total: number): ReadonlyArray<readonly [hash: string, url: string | null]> =>
  allOf(total).flatMap(({ hash }, number) => number % 4 === 0 ? [[hash, number % 8 === 0 ? null : ""] as const] : []);

/** Whole numbers come as numbers or as text, as the driver has it. */
const grouped = (rows: ReadonlyArray<Row>, by: string): ReadonlyMap<string, ReadonlyArray<Row>> => {
  const groups = new Map<string, Array<Row>>();
  for (const row of rows) {
    const key = String(row[by]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
};

/** What is neither stored as an object nor whole in the database, as sentences; empty when nothing is lost or doubled. */
export const of = (
  all: ReadonlyArray<ValidNarinfos.ValidNarinfo>,
  contents: Contents,
  isStored: (key: string) => boolean,
): ReadonlyArray<string> => {
  const narinfos = grouped(contents.narinfos, "hash");
  const references = grouped(contents.narinfo_references, "narinfo_id");
  const signatures = grouped(contents.narinfo_signatures, "narinfo_id");
  const links = grouped(contents.narinfo_nar_files, "narinfo_id");
  const files = grouped(contents.nar_files, "id");
  const texts = (rows: ReadonlyArray<Row> | undefined, column: string) => (rows ?? []).map((row) => row[column]).sort();

  return all.flatMap((wanted) => {
    const found = narinfos.get(wanted.hash) ?? [];
    if (found.length > 1) return [`${wanted.hash} is there ${found.length} times`];
    const row = found[0];
    if (row === undefined || row["url"] === null || row["url"] === "") {
      return isStored(wanted.key) ? [] : [`${wanted.hash} is lost: no file and no row`];
    }
    const expected = {
      store_path: wanted.storePath,
      url: wanted.url,
      compression: "xz",
      file_hash: wanted.fileHash,
      file_size: wanted.fileSize,
      nar_hash: wanted.narHash,
      nar_size: wanted.narSize,
      deriver: wanted.deriver,
    };
    const differing = Object.entries(expected)
      .filter(([column, value]) => String(row[column]) !== String(value))
      .map(([column]) => column);
    const id = String(row["id"]);
    const nars = (links.get(id) ?? []).flatMap((link) => files.get(String(link["nar_file_id"])) ?? [{}])
      .map((nar: Row) => `${nar["hash"]} ${nar["compression"]} ${nar["file_size"]}`);
    const children = [
      [texts(references.get(id), "reference"), wanted.references],
      [texts(signatures.get(id), "signature"), [wanted.signature]],
      [nars, [`${wanted.nar} xz ${wanted.fileSize}`]],
    ] as const;
    const torn = children.some(([there, needed]) => JSON.stringify(there) !== JSON.stringify(needed));
    return differing.length > 0 || torn
      ? [`${wanted.hash} is torn: ${differing.join(", ")} ${torn ? "children" : ""}`]
      : [];
  });
};
