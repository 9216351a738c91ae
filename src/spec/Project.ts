import { Either, Redacted, Schema } from "effect";
import * as Config from "../core/Config.ts";
import type { ConnectionKind } from "../core/Connections.ts";
import * as Field from "../core/Field.ts";
import { nearest } from "../core/Nearest.ts";
import * as Decode from "./Decode.ts";
import * as Finding from "./Finding.ts";
import * as Outline from "./Outline.ts";
import * as Overlay from "./Overlay.ts";
import * as Tree from "./Tree.ts";

type Findings = ReadonlyArray<Finding.Finding>;

/** The project file, decoded for one environment. */
export interface Project {
  readonly environment: string;
  readonly state: Config.StateConfig;
  /** Those without errors. */
  readonly connections: ReadonlyMap<string, Config.ConnectionConfig>;
  /** Every connection by name, with its kind where that is right. */
  readonly declared: ReadonlyMap<string, ConnectionKind | undefined>;
  readonly lock: Config.LockConfig;
  /** What is wrong with connections and locks: of weight to the pipelines that use them, and to nothing else. */
  readonly faults: { readonly connections: ReadonlyMap<string, Findings>; readonly lock: Findings };
}

/** Sections that environments may override and `--set` reaches from any verb. */
export const sections = ["connections", "lock", "state"] as const;
const topKeys = [...sections, "environments", "pipelines"];

/** By `type` of a connection. */
export const connectionSettings = { storage: Config.StorageSettings, sql: Config.SqlSettings } as const;
const kinds: ReadonlyArray<ConnectionKind> = ["storage", "sql"];

const isKind = (type: unknown): type is ConnectionKind => type === "storage" || type === "sql";

/** The name an environment has when none is chosen. */
export const DEFAULT_ENVIRONMENT = "default";

const didYouMean = (word: string, known: ReadonlyArray<string>): string => {
  const meant = nearest(word, known);
  return meant !== undefined
    ? `did you mean ${meant}?`
    : known.length === 0
    ? "there are none"
    : `known: ${known.join(", ")}`;
};

/** The base of the project file with one environment merged over it; nothing is interpolated yet. */
export const select = (
  root: Tree.MapNode,
  environment: string,
): { readonly tree: Tree.MapNode; readonly findings: Findings } => {
  const findings: Array<Finding.Finding> = [];
  const unknownKeys = (node: Tree.Node, path: Tree.Path, known: ReadonlyArray<string>) => {
    for (const key of node._tag === "Map" ? node.entries.keys() : []) {
      if (known.includes(key)) continue;
      findings.push(Finding.inTree(root, "key", {
        code: "spec/unknown-key",
        path: [...path, key],
        message: `unknown key ${key}`,
        suggestion: didYouMean(key, known),
      }));
    }
  };
  const wrongType = (node: Tree.Node, path: Tree.Path) => {
    findings.push(Finding.inTree(root, "value", {
      code: "spec/wrong-type",
      path,
      message: `expected a map, found ${Field.kindOf(Tree.plain(node))}`,
    }));
  };
  unknownKeys(root, [], topKeys);
  const environments = Tree.child(root, "environments");
  if (environments !== undefined && environments._tag !== "Map") wrongType(environments, ["environments"]);
  const known = environments?._tag === "Map" ? environments.entries : new Map<string, { readonly node: Tree.Node }>();
  for (const [name, { node }] of known) {
    if (node._tag === "Map") unknownKeys(node, ["environments", name], [...sections, "pipelines"]);
    else wrongType(node, ["environments", name]);
  }
  if (!known.has(environment) && environment !== DEFAULT_ENVIRONMENT) {
    findings.push(Finding.inTree(root, "key", {
      code: "project/unknown-environment",
      path: ["environments"],
      message: `there is no environment ${environment}`,
      suggestion: didYouMean(environment, [...known.keys()]),
    }));
  }
  const over = known.get(environment)?.node;
  const base = Tree.without(root, new Set(["environments"]));
  return { tree: over?._tag === "Map" ? Overlay.merge(base, over) as Tree.MapNode : base, findings };
};

/** What may stand in the sections of a project file. */
export const outlineOf = (root: Tree.Node): Outline.Outline => {
  const connections = Tree.child(root, "connections");
  const fields: Record<string, Outline.StructField> = {};
  for (const [name, { node }] of connections?._tag === "Map" ? connections.entries : []) {
    const type = Tree.child(node, "type");
    const kind = type?._tag === "Leaf" && isKind(type.value) ? type.value : undefined;
    fields[name] = Outline.required(connectionOutline(kind));
  }
  return Outline.struct({
    connections: Outline.required(Outline.struct(fields)),
    lock: Outline.required(Outline.fromSchema(Config.LockSettings)),
    state: Outline.required(Outline.fromSchema(Config.StateSettings)),
  });
};

export const connectionOutline = (kind: ConnectionKind | undefined): Outline.Outline =>
  Outline.struct(
    {
      type: Outline.required({
        _tag: "Field",
        about: { name: "`storage` or `sql`" },
        jsonSchema: { enum: kinds },
        description: "What is connected to",
      }),
    },
    ...(kind === undefined ? [] : [Outline.fromSchema(connectionSettings[kind])]),
  );

/** Decodes the sections; `earlier` are findings about the same tree, which are sorted to what they concern. */
export const decode = (
  environment: string,
  root: Tree.MapNode,
  earlier: Findings,
): { readonly project: Project; readonly findings: Findings } => {
  const connections = new Map<string, Config.ConnectionConfig>();
  const declared = new Map<string, ConnectionKind | undefined>();
  const perConnection = new Map<string, Findings>();
  const section = Tree.child(root, "connections");
  const general = earlier.filter(({ path }) =>
    path[0] !== "lock" && (path[0] !== "connections" || Tree.child(section, String(path[1])) === undefined)
  );
  if (section !== undefined && section._tag !== "Map") {
    general.push(Finding.inTree(root, "value", {
      code: "spec/wrong-type",
      path: ["connections"],
      message: `expected a map, found ${Field.kindOf(Tree.plain(section))}`,
    }));
  }
  const entries: Tree.MapNode["entries"] = section?._tag === "Map" ? section.entries : new Map();
  for (const [name, { node }] of entries) {
    const { config, kind, findings } = decodeConnection([...entries.keys()], root, name, node);
    const concerning = earlier.filter(({ path }) => path[0] === "connections" && path[1] === name);
    // What could not be filled in has been reported; its emptiness is no second fault.
    const all = concerning.some(Finding.isError) ? concerning : findings;
    declared.set(name, kind);
    // Declared nowhere: a flag or an environment means another one, and would be without effect.
    const isStray = Tree.child(node, "type") === undefined;
    if (isStray) general.push(...all);
    perConnection.set(name, isStray ? [] : all);
    if (config !== undefined && !all.some(Finding.isError)) connections.set(name, config);
  }
  const lock = decodeLock(root);
  const empty: Tree.Node = { _tag: "Map", entries: new Map(), origin: root.origin };
  const state = Decode.decode(Config.StateSettings, root, Tree.child(root, "state") ?? empty, ["state"]);
  return {
    project: {
      environment,
      state: Either.getOrElse(state, () => Schema.decodeUnknownSync(Config.StateSettings)({})),
      connections,
      declared,
      lock: lock.config,
      faults: {
        connections: perConnection,
        lock: [...earlier.filter(({ path }) => path[0] === "lock"), ...lock.findings],
      },
    },
    findings: [...general, ...Either.match(state, { onLeft: (found) => found, onRight: () => [] })],
  };
};

interface DecodedConnection {
  readonly kind: ConnectionKind | undefined;
  readonly config?: Config.ConnectionConfig;
  readonly findings: Findings;
}

const decodeConnection = (
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
      ? didYouMean(given, kinds)
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

/** Which variables a setting came from, and how to be rid of it. */
const suppliedBy = (root: Tree.Node, path: Tree.Path): { readonly by: string; readonly unset: string } => {
  const leaf = Tree.at(root, path);
  const names = leaf?._tag === "Leaf" ? leaf.variables : [];
  return {
    by: Tree.by(leaf),
    unset: names.length === 0 ? `remove ${Tree.showPath(path)}` : `unset ${names.join(", ")}`,
  };
};

const fillIn = (root: Tree.Node, paths: ReadonlyArray<Tree.Path>): string => {
  const names = paths.flatMap((path) => {
    const leaf = Tree.at(root, path);
    return leaf?._tag === "Leaf" ? leaf.unset : [];
  });
  return names.length === 0 ? `write ${Tree.showPath(paths[0]!)}` : `set ${names.join(" or ")}`;
};

const storageOf = (
  root: Tree.Node,
  path: Tree.Path,
  settings: typeof Config.StorageSettings.Type,
): DecodedConnection => {
  const kind = "storage" as const;
  const { s3 } = settings;
  if (s3 !== undefined && s3.bucket !== "") {
    const bucket = [...path, "s3", "bucket"];
    const { by, unset } = suppliedBy(root, bucket);
    const finding = Finding.inTree(root, "value", {
      code: "project/unsupported",
      path: bucket,
      message: `a bucket is set${by}, and this version reads folders only`,
      suggestion: `${unset} and give the folder that ncps stores in, or keep using ncps' own migration for S3`,
    });
    return {
      kind,
      findings: [finding],
      config: { type: "storage", kind: "s3", ...s3, secretAccessKey: s3.secretAccessKey },
    };
  }
  if (settings.path === "") {
    const finding = Finding.inTree(root, "key", {
      code: "project/incomplete",
      path: [...path, "path"],
      message: "neither a folder nor a bucket is given",
      suggestion: fillIn(root, [[...path, "path"]]),
    });
    return { kind, findings: [finding] };
  }
  const folder = Tree.filePath(Tree.at(root, [...path, "path"]), settings.path);
  return { kind, findings: [], config: { type: "storage", kind: "local", path: folder } };
};

const sqlOf = (
  root: Tree.Node,
  path: Tree.Path,
  { url }: typeof Config.SqlSettings.Type,
): DecodedConnection => {
  const kind = "sql" as const;
  const at = [...path, "url"];
  const report = (code: string, message: string, suggestion: string): Findings => [
    Finding.inTree(root, "value", { code, path: at, message, suggestion }),
  ];
  const text = Redacted.value(url);
  if (text === "") {
    return { kind, findings: report("project/incomplete", "the URL of the database is not given", fillIn(root, [at])) };
  }
  const target = Config.readDatabaseUrl(text);
  // What SQLite takes for something else than a file on disk could not be what ncps uses.
  if (target === undefined || (target.dialect === "sqlite" && /^(?:|:memory:|file:.*)$/s.test(target.file))) {
    return {
      kind,
      findings: report(
        "spec/bad-value",
        `this is no URL of a database${suppliedBy(root, at).by}`,
        "write it like sqlite:/var/lib/ncps/db.sqlite",
      ),
    };
  }
  if (target.dialect === "sqlite") {
    return {
      kind,
      findings: [],
      config: { type: "sql", dialect: "sqlite", file: Tree.filePath(Tree.at(root, at), target.file) },
    };
  }
  const { by } = suppliedBy(root, at);
  const engine = target.dialect === "postgres" ? "PostgreSQL" : "MySQL";
  return {
    kind,
    config: { type: "sql", dialect: target.dialect, url },
    findings: report(
      "project/unsupported",
      `the database is ${engine}${by}, and this version writes SQLite only`,
      `keep using ncps' own migration for ${engine}, or name a SQLite database (sqlite:/path)`,
    ),
  };
};

const decodeLock = (root: Tree.Node): { readonly config: Config.LockConfig; readonly findings: Findings } => {
  const node = Tree.child(root, "lock");
  const decoded = node === undefined
    ? Either.right(Schema.decodeUnknownSync(Config.LockSettings)({}))
    : Decode.decode(Config.LockSettings, root, node, ["lock"]);
  if (Either.isLeft(decoded)) return { config: { type: "local", redis: undefined }, findings: decoded.left };
  const { type, redis } = decoded.right;
  const hasAddresses = redis !== undefined && redis.addrs.length > 0;
  const addresses = ["lock", "redis", "addrs"];
  if (type === "none") {
    const { by } = suppliedBy(root, addresses);
    const warning = Finding.inTree(root, "key", {
      code: "project/locks-not-shared",
      severity: "warning",
      path: ["lock", "type"],
      message:
        `Redis addresses are set${by}, but nothing is locked: running ncps instances do not see what is being migrated`,
      suggestion: "no data is at risk; a reader may briefly wait or migrate the same narinfo itself",
    });
    return { config: { type: "none", redis }, findings: hasAddresses ? [warning] : [] };
  }
  // As in ncps, addresses mean Redis, whatever CACHE_LOCK_BACKEND says (pkg/ncps/serve.go, determineEffectiveLockBackend).
  if (type !== "redis" && !hasAddresses) return { config: { type: "local", redis }, findings: [] };
  const path = hasAddresses ? addresses : ["lock", "type"];
  const { by } = suppliedBy(root, path);
  return {
    config: { type: "redis", redis },
    findings: [Finding.inTree(root, "value", {
      code: "project/unsupported",
      path,
      message: `locks are in Redis${by}, and this version cannot lock there`,
      suggestion: "run with --set lock.type=none: no data is at risk, but running ncps instances do not see our locks",
    })],
  };
};
