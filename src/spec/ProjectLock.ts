/** Where the project file says that keys are locked. */
import { Either, Schema } from "effect";
import * as Config from "../core/Config.ts";
import * as Decode from "./Decode.ts";
import * as Finding from "./Finding.ts";
import * as Supply from "./Supply.ts";
import * as Tree from "./Tree.ts";

type Findings = ReadonlyArray<Finding.Finding>;
interface DecodedLock {
  readonly config: Config.LockConfig;
  readonly findings: Findings;
}

/** For the types that lock in a database: names of `declared` connections, and those of them that were decoded. */
export const decode = (
  root: Tree.Node,
  declared: ReadonlyArray<string>,
  connections: ReadonlyMap<string, Config.ConnectionConfig>,
): DecodedLock => {
  const node = Tree.child(root, "lock");
  const decoded = node === undefined
    ? Either.right(Schema.decodeUnknownSync(Config.LockSettings)({}))
    : Decode.decode(Config.LockSettings, root, node, ["lock"]);
  if (Either.isLeft(decoded)) return { config: { type: "local" }, findings: decoded.left };
  const { allowDegradedMode, connection, etcd, path, redis, retry, type } = decoded.right;
  const report = (code: string, at: string, message: string, suggestion: string, severity?: "warning"): Findings => [
    Finding.inTree(root, "value", {
      code,
      path: ["lock", ...at.split(".")],
      message,
      suggestion,
      ...(severity === undefined ? {} : { severity }),
    }),
  ];
  const incomplete = (at: string, message: string): Findings =>
    report("project/incomplete", at, message, Supply.fillIn(root, [["lock", ...at.split(".")]]));
  const hasAddresses = redis !== undefined && redis.addrs.length > 0;
  switch (type) {
    case "auto":
    case "local":
    case "redis":
      // As in ncps, addresses mean Redis, whatever CACHE_LOCK_BACKEND says (pkg/ncps/serve.go, determineEffectiveLockBackend).
      if (!hasAddresses) {
        return type === "redis"
          ? { config: { type: "local" }, findings: incomplete("redis.addrs", "the addresses of Redis are not given") }
          : { config: { type: "local" }, findings: [] };
      }
      return {
        config: { type: "redis", redis: withFiles(root, ["lock", "redis"], redis), retry, allowDegradedMode },
        findings: new Set(redis.addrs).size === redis.addrs.length ? [] : report(
          "spec/bad-value",
          "redis.addrs",
          "a server is named twice, and would count twice towards a majority",
          "name each once",
        ),
      };
    case "none": {
      const { by } = Supply.suppliedBy(root, ["lock", "redis", "addrs"]);
      return {
        config: { type: "none" },
        findings: hasAddresses
          ? [Finding.inTree(root, "key", {
            code: "project/locks-not-shared",
            severity: "warning",
            path: ["lock", "type"],
            message:
              `Redis addresses are set${by}, but nothing is locked: running ncps instances do not see what is being migrated`,
            suggestion: "no data is at risk; a reader may briefly wait or migrate the same narinfo itself",
          })]
          : [],
      };
    }
    case "file":
      return path === ""
        ? { config: { type: "local" }, findings: incomplete("path", "the folder of the lock files is not given") }
        : { config: { type: "file", path: Tree.filePath(Tree.at(root, ["lock", "path"]), path) }, findings: [] };
    case "postgres":
    case "mysql": {
      const config: Config.LockConfig = { type, connection, retry };
      if (connection === "") {
        return {
          config,
          findings: incomplete("connection", `the connection that ${type} locks are kept in is not given`),
        };
      }
      if (!declared.includes(connection)) {
        return {
          config,
          findings: report(
            "spec/unknown-connection",
            "connection",
            `the project file has no connection ${connection}`,
            Finding.didYouMean(connection, declared),
          ),
        };
      }
      const found = connections.get(connection);
      // A connection with faults of its own has been reported.
      if (found === undefined || (found.type === "sql" && found.dialect === type)) return { config, findings: [] };
      return {
        config,
        findings: report(
          "spec/bad-value",
          "connection",
          `${connection} is no ${type === "postgres" ? "PostgreSQL" : "MySQL or MariaDB"} database`,
          "name one that is, or write another lock type",
        ),
      };
    }
    case "etcd":
      return etcd === undefined || etcd.endpoints.length === 0
        ? { config: { type: "local" }, findings: incomplete("etcd.endpoints", "the endpoints of etcd are not given") }
        : { config: { type: "etcd", etcd: withFiles(root, ["lock", "etcd"], etcd), retry }, findings: [] };
  }
};

/** Its certificates by paths that start where they were written. */
const withFiles = <A extends { readonly tls?: Config.TlsConfig }>(root: Tree.Node, at: Tree.Path, settings: A): A => {
  const tls = Supply.tlsFiles(root, [...at, "tls"], settings.tls);
  return tls === undefined ? settings : { ...settings, tls };
};
