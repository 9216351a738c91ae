/** One connection of the project file: its settings decoded, its kind and target decided. */
import { Either, Redacted } from "effect";
import * as Config from "../core/Config.ts";
import type { ConnectionKind } from "../core/Connections.ts";
import * as Field from "../core/Field.ts";
import { nearest } from "../core/Nearest.ts";
import * as Decode from "./Decode.ts";
import * as Finding from "./Finding.ts";
import * as Supply from "./Supply.ts";
import * as Tree from "./Tree.ts";

export const kinds: ReadonlyArray<ConnectionKind> = ["storage", "sql"];

export const isKind = (type: unknown): type is ConnectionKind => type === "storage" || type === "sql";

type Findings = ReadonlyArray<Finding.Finding>;

export interface DecodedConnection {
  readonly kind: ConnectionKind | undefined;
  readonly config?: Config.ConnectionConfig;
  readonly findings: Findings;
}

export const decode = (
  names: ReadonlyArray<string>,
  root: Tree.Node,
  name: string,
  node: Tree.Node,
): DecodedConnection => {
  const path = ["connections", name];
  const type = Tree.child(node, "type");
  const given = type?._tag === "Leaf" ? type.value : undefined;
  if (!isKind(given)) {
    const code = node._tag !== "Map"
      ? "spec/wrong-type"
      : type === undefined
      ? "spec/missing-key"
      : "spec/unknown-type";
    const message = node._tag !== "Map"
      ? `expected a map, found ${Field.kindOf(Tree.plain(node))}`
      : type === undefined
      ? "the key type is missing"
      : "there is no such type of connection";
    const meant = nearest(name, names.filter((other) => other !== name));
    const suggestion = typeof given === "string"
      ? Finding.didYouMean(given, kinds)
      : type === undefined && meant !== undefined
      ? `did you mean ${meant}?`
      : "write type: storage or type: sql";
    const finding = Finding.inTree(root, type === undefined ? "key" : "value", {
      code,
      path: node._tag === "Map" ? [...path, "type"] : path,
      message,
      suggestion,
    });
    return { kind: undefined, findings: [finding] };
  }
  const own = Tree.without(node as Tree.MapNode, new Set(["type"]));
  const failed = (findings: Findings): DecodedConnection => ({ kind: given, findings });
  return given === "storage"
    ? Either.match(Decode.decode(Config.StorageSettings, root, own, path, ["type"]), {
      onLeft: failed,
      onRight: (settings) => storageOf(root, path, settings),
    })
    : Either.match(Decode.decode(Config.SqlSettings, root, own, path, ["type"]), {
      onLeft: failed,
      onRight: (settings) => sqlOf(root, path, settings),
    });
};

const storageOf = (
  root: Tree.Node,
  path: Tree.Path,
  settings: typeof Config.StorageSettings.Type,
): DecodedConnection => {
  const kind = "storage" as const;
  const { s3 } = settings;
  if (s3 !== undefined && s3.bucket !== "") {
    const at = [...path, "s3"];
    const { secretAccessKey, sessionToken, tls, ...rest } = s3;
    const config: Config.S3StorageConfig = {
      type: "storage",
      kind: "s3",
      ...rest,
      secretAccessKey,
      sessionToken,
      tls: Supply.tlsFiles(root, [...at, "tls"], tls),
    };
    return { kind, findings: [...s3Findings(root, at, s3), ...rivalFindings(root, path, settings.path)], config };
  }
  if (settings.path === "") {
    const finding = Finding.inTree(root, "key", {
      code: "project/incomplete",
      path: [...path, "path"],
      message: "neither a folder nor a bucket is given",
      suggestion: Supply.fillIn(root, [[...path, "path"]]),
    });
    return { kind, findings: [finding] };
  }
  const folder = Tree.filePath(Tree.at(root, [...path, "path"]), settings.path);
  return { kind, findings: [], config: { type: "storage", kind: "local", path: folder } };
};

/**
 * Whether the `@` that ends user and password lies behind a `/`, `?` or `#`, where a URL's host has ended: what is read as host then is
 * a part of the password, and would be shown.
 */
const hasUnescapedCredentials = (url: string): boolean =>
  /^[^:]+:\/\/[^/?#]*(?:\/[^?#]*@|\?[^#=]*@|[^#]*#.*@)/s.test(url);

const sqlOf = (
  root: Tree.Node,
  path: Tree.Path,
  { tls, url, ...rest }: typeof Config.SqlSettings.Type,
): DecodedConnection => {
  const kind = "sql" as const;
  const at = [...path, "url"];
  const report = (code: string, message: string, suggestion: string): Findings => [
    Finding.inTree(root, "value", { code, path: at, message, suggestion }),
  ];
  const text = Redacted.value(url);
  if (text === "") {
    return {
      kind,
      findings: report("project/incomplete", "the URL of the database is not given", Supply.fillIn(root, [at])),
    };
  }
  const target = Config.readDatabaseUrl(text);
  // What SQLite takes for something else than a file on disk could not be what ncps uses.
  if (target === undefined || (target.dialect === "sqlite" && /^(?:|:memory:|file:.*)$/s.test(target.file))) {
    return {
      kind,
      findings: report(
        "spec/bad-value",
        `this is no URL of a database${Supply.suppliedBy(root, at).by}`,
        "write it like sqlite:/var/lib/ncps/db.sqlite, postgresql://user:<password>@host/ncps or mysql://user:<password>@host/ncps",
      ),
    };
  }
  if (target.dialect !== "sqlite" && hasUnescapedCredentials(text)) {
    return {
      kind,
      findings: report(
        "spec/bad-value",
        `its user or password has a character that must be escaped${Supply.suppliedBy(root, at).by}`,
        "write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25",
      ),
    };
  }
  if (target.dialect === "sqlite") {
    const [, host] = /^[a-z0-9+.-]+:\/\/([^/?#]+)/i.exec(text) ?? [];
    return {
      kind,
      // ncps reads it the same way, so it may be meant; but hardly ever is.
      findings: host === undefined ? [] : [Finding.inTree(root, "value", {
        code: "project/sqlite-host",
        severity: "warning",
        path: at,
        message: `what follows // is taken for a host${Supply.suppliedBy(root, at).by}: the file is ${
          target.file || "missing"
        }`,
        suggestion: "write sqlite: and the path, without //: sqlite:/var/lib/ncps/db.sqlite or sqlite:db.sqlite",
      })],
      config: { type: "sql", dialect: "sqlite", file: Tree.filePath(Tree.at(root, at), target.file) },
    };
  }
  return {
    kind,
    findings: [],
    config: { type: "sql", dialect: target.dialect, url, ...rest, tls: Supply.tlsFiles(root, [...path, "tls"], tls) },
  };
};

/** ncps itself does not start with both; a folder that is only a default of the file is nobody's wish. */
const rivalFindings = (root: Tree.Node, path: Tree.Path, folder: string): Findings => {
  if (folder === "") return [];
  const bucket = Supply.suppliedBy(root, [...path, "s3", "bucket"]);
  const { by, unset } = Supply.suppliedBy(root, [...path, "path"]);
  return [Finding.inTree(root, "value", {
    code: "project/two-storages",
    severity: by === "" ? "warning" : "error",
    path: [...path, "path"],
    message: by === ""
      ? `a bucket is given${bucket.by}: it is used, and not the folder ${folder}`
      : `a folder is given${by}, and a bucket${bucket.by}: which of them holds the objects?`,
    suggestion: by === "" ? `if the folder is meant, ${bucket.unset}` : `${unset}, or ${bucket.unset}`,
  })];
};

const s3Findings = (root: Tree.Node, at: Tree.Path, s3: typeof Config.S3Settings.Type): Findings => {
  const report = (key: string, message: string, suggestion: string) =>
    Finding.inTree(root, "value", { code: "project/incomplete", path: [...at, key], message, suggestion });
  const hasSecret = s3.secretAccessKey !== undefined && Redacted.value(s3.secretAccessKey) !== "";
  const isUrl = s3.endpoint === "" || /^https?:\/\/[^/]/i.test(s3.endpoint);
  return [
    ...(isUrl ? [] : [
      report(
        "endpoint",
        `the endpoint has no scheme${Supply.suppliedBy(root, [...at, "endpoint"]).by}`,
        "write it like https://s3.example.org",
      ),
    ]),
    ...(s3.accessKeyId !== "" && !hasSecret
      ? [
        report(
          "secretAccessKey",
          "an access key is given without its secret",
          Supply.fillIn(root, [[...at, "secretAccessKey"]]),
        ),
      ]
      : []),
    ...(s3.accessKeyId === "" && hasSecret
      ? [
        report(
          "accessKeyId",
          "a secret is given without its access key",
          Supply.fillIn(root, [[...at, "accessKeyId"]]),
        ),
      ]
      : []),
  ];
};
