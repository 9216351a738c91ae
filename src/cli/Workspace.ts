import type { PlatformError } from "@effect/platform/Error";
import { FileSystem } from "@effect/platform/FileSystem";
import { Effect } from "effect";
import { dirname, join, relative, resolve } from "node:path";
import type { ConnectionsConfig } from "../core/Config.ts";
import { nearest } from "../core/Nearest.ts";
import * as Finding from "../spec/Finding.ts";
import * as Load from "../spec/Load.ts";
import type { Project } from "../spec/Project.ts";
import { FileError, FindingsError, UsageError } from "./Failure.ts";
import { Host } from "./Host.ts";
import * as Invocation from "./Invocation.ts";
import type { Common } from "./Verb.ts";

/** One pipeline file. */
export interface PipelineFile {
  readonly name: string;
  /** As findings show it. */
  readonly path: string;
  readonly isPackaged: boolean;
}

/** The project file in force, read for one environment, and the pipelines there are. */
export interface Workspace {
  /** As findings show it. */
  readonly projectFile: string;
  readonly isPackaged: boolean;
  readonly environment: string;
  readonly loaded: Load.LoadedProject;
  readonly pipelines: ReadonlyArray<PipelineFile>;
  /** Absolute. */
  readonly statePath: string;
  readonly advise: Invocation.Advise;
}

export const projectFileName = "ncps-pipeline.yaml";
export const pipelinesFolder = "pipelines";
const extension = ".yaml";

/** What a person needs of an error of the file system. */
export const phrase = (error: PlatformError): string =>
  error._tag === "BadArgument"
    ? error.message
    : { NotFound: "it does not exist", PermissionDenied: "permission denied", AlreadyExists: "it exists already" }[
      error.reason as string
    ] ?? (error.description?.startsWith("EISDIR") === true ? "it is a folder" : error.description ?? error.message);

export const unreadable = (path: string) => (error: PlatformError): FileError =>
  new FileError({ reason: "read", path, detail: `it cannot be read: ${phrase(error)}`, cause: error });

export const unwritable = (path: string) => (error: PlatformError): FileError =>
  new FileError({ reason: "write", path, detail: `it cannot be written: ${phrase(error)}`, cause: error });

/** The nearest `ncps-pipeline.yaml` at or above a folder. */
const findUpward = (folder: string): Effect.Effect<string | undefined, never, FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem;
    for (let at = folder;; at = dirname(at)) {
      const candidate = join(at, projectFileName);
      if (yield* Effect.orElseSucceed(fs.exists(candidate), () => false)) return candidate;
      if (dirname(at) === at) return undefined;
    }
  });

/** Short where that is possible: findings are read by people and clicked on in editors. */
const shownFrom = (folder: string, path: string): string => {
  const short = relative(folder, path);
  return short === "" || short.startsWith("..") ? path : short;
};

const namesIn = (folder: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem;
    const entries = yield* fs.readDirectory(folder).pipe(
      Effect.catchIf((error) => error._tag === "SystemError" && error.reason === "NotFound", () => Effect.succeed([])),
      Effect.mapError(unreadable(folder)),
    );
    return entries.filter((entry) => entry.endsWith(extension)).map((entry) => entry.slice(0, -extension.length))
      .sort();
  });

/** Finds and reads the project file; what is wrong in it is in `loaded.findings`. */
export const look = Effect.fn("Workspace.look")(function*(values: Common) {
  const host = yield* Host;
  const fs = yield* FileSystem;
  const shown = (path: string) => shownFrom(host.workingFolder, path);
  const own = values.project === undefined
    ? yield* findUpward(host.workingFolder)
    : resolve(host.workingFolder, values.project);
  const projectFile = own ?? join(host.packageRoot, projectFileName);
  const text = yield* fs.readFileString(projectFile).pipe(
    Effect.mapError((error) =>
      values.project !== undefined && error._tag === "SystemError" && error.reason === "NotFound"
        ? new UsageError({
          reason: "project",
          detail: `the project file ${values.project} does not exist`,
          remedy: "leave --project out to use the one found upward, else the packaged one; pipeline init makes one",
        })
        : unreadable(shown(projectFile))(error)
    ),
  );
  const folders = [join(dirname(projectFile), pipelinesFolder), join(host.packageRoot, pipelinesFolder)];
  const pipelines: Array<PipelineFile> = [];
  for (const folder of new Set(folders)) {
    for (const name of yield* namesIn(folder)) {
      if (pipelines.some((known) => known.name === name)) continue;
      pipelines.push({ name, path: shown(join(folder, name + extension)), isPackaged: folder === folders[1] });
    }
  }
  const loaded = yield* Load.loadProject({
    project: { path: shown(projectFile), text },
    env: host.variables,
    environment: values.environment,
    sets: values.set,
    readSecretFile: (path) => Effect.mapError(fs.readFileString(path), phrase),
    pipelines: pipelines.map(({ name }) => name),
  });
  const workspace: Workspace = {
    projectFile: shown(projectFile),
    isPackaged: own === undefined,
    environment: loaded.environment,
    loaded,
    pipelines,
    statePath: resolve(host.workingFolder, values.state ?? loaded.project?.state.path ?? ".ncps-pipeline/state.db"),
    advise: Invocation.advise({ ...values, sets: values.set }),
  };
  return workspace;
});

/** The same for verbs that cannot go on with a broken project file. */
export const open = (values: Common) =>
  Effect.filterOrFail(
    look(values),
    ({ loaded }) => !loaded.findings.some(Finding.isError),
    ({ loaded }) => new FindingsError({ findings: loaded.findings }),
  );

/** The file of a pipeline by name. */
export const file = (workspace: Workspace, name: string): Effect.Effect<PipelineFile, UsageError> => {
  const found = workspace.pipelines.find((pipeline) => pipeline.name === name);
  if (found !== undefined) return Effect.succeed(found);
  const names = workspace.pipelines.map((pipeline) => pipeline.name);
  const meant = nearest(name, names);
  return new UsageError({
    reason: "pipeline",
    detail: `there is no pipeline ${name}`,
    remedy: meant === undefined ? `there are ${names.join(", ")}` : `did you mean ${meant}?`,
  });
};

/** Reads one pipeline; what is wrong in it is in its findings. */
export const load = Effect.fn("Workspace.load")(function*(workspace: Workspace, { name, path }: PipelineFile) {
  const host = yield* Host;
  const fs = yield* FileSystem;
  const text = yield* Effect.mapError(fs.readFileString(resolve(host.workingFolder, path)), unreadable(path));
  return yield* Load.loadPipeline(workspace.loaded, { name, path, text }, yield* host.registry);
});

/** The pipeline of a name, with its file. */
export const loadNamed = (workspace: Workspace, name: string) =>
  Effect.flatMap(
    file(workspace, name),
    (found) => Effect.map(load(workspace, found), (loaded) => ({ file: found, loaded })),
  );

/**
 * Every pipeline that is a concern of this project: its own ones, and of the packaged ones those whose connections it has; the others come
 * with the tool, and nobody has asked for them.
 */
export const loadAll = Effect.fn("Workspace.loadAll")(function*(workspace: Workspace) {
  const declared = workspace.loaded.project?.declared ?? new Map();
  const all = yield* Effect.forEach(workspace.pipelines, ({ name }) => loadNamed(workspace, name));
  return all.filter(({ file, loaded }) =>
    !file.isPackaged || workspace.isPackaged || [...loaded.connections].every((name) => declared.has(name))
  );
});

export const connectionsOf = ({ connections, lock }: Project): ConnectionsConfig => ({ connections, lock });
