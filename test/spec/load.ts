import { Effect } from "effect";
import * as Load from "../../src/spec/Load.ts";
import { registry } from "./registry.ts";

export const project = `connections:
  cache-storage: { type: storage, path: "\${CACHE_STORAGE_LOCAL:-}" }
  cache-database:
    type: sql
    url: \${CACHE_DATABASE_URL:-}
`;

export const pipeline = `summary: Move narinfos.
source:
  type: storage-objects
  connection: cache-storage
  prefix: store/narinfo/
transforms:
  - type: parse-narinfo
sink:
  type: sql-upsert
  connection: cache-database
  lock: { key: "migration:{hash}" }
  tables:
    - table: narinfos
      columns: { hash: hash, created_at: { now: true } }
postSteps:
  - type: delete-objects
`;

export const env = { CACHE_STORAGE_LOCAL: "/srv/cache", CACHE_DATABASE_URL: "sqlite:/srv/db.sqlite" };

interface Given {
  readonly project?: string;
  readonly projectPath?: string;
  readonly pipeline?: string;
  readonly env?: Record<string, string>;
  readonly environment?: string;
  readonly sets?: ReadonlyArray<string>;
  readonly files?: Record<string, string>;
  readonly pipelines?: ReadonlyArray<string>;
}

/** Loads a project and one pipeline from texts. */
export const load = (given: Given = {}) =>
  Effect.runSync(Effect.gen(function*() {
    const loaded = yield* Load.loadProject({
      project: { path: given.projectPath ?? "ncps-pipeline.yaml", text: given.project ?? project },
      env: given.env ?? env,
      environment: given.environment,
      sets: given.sets ?? [],
      readSecretFile: (path) => {
        const text = given.files?.[path];
        return text === undefined ? Effect.fail("there is no such file") : Effect.succeed(text);
      },
      ...(given.pipelines === undefined ? {} : { pipelines: given.pipelines }),
    });
    const text = { name: "narinfo-to-db", path: "pipelines/narinfo-to-db.yaml", text: given.pipeline ?? pipeline };
    return { project: loaded, pipeline: yield* Load.loadPipeline(loaded, text, registry) };
  }));

/** Both files' findings, as text would show them. */
export const findings = (given: Given) => {
  const loaded = load(given);
  return [...loaded.project.findings, ...loaded.pipeline.findings];
};
