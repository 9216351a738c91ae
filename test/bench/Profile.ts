/** What the threads of a process spent their time on, from the files that `node --cpu-prof` writes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

interface Node {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  readonly children?: ReadonlyArray<number>;
}

interface CpuProfile {
  readonly nodes: ReadonlyArray<Node>;
  readonly samples: ReadonlyArray<number>;
  /** Microseconds since the sample before. */
  readonly timeDeltas: ReadonlyArray<number>;
}

export interface Thread {
  readonly name: string;
  /** Seconds sampled, and the share of them in which the thread did something or waited inside a call. */
  readonly seconds: number;
  readonly busy: number;
  /** Self time by function, largest first, as shares of all seconds; a native function is named with who called it. */
  readonly top: ReadonlyArray<{ readonly function: string; readonly share: number }>;
}

const functionsShown = 14;

const sourceMaps = new Map<string, SourceMap | undefined>();

const sourceMapOf = (path: string): SourceMap | undefined => {
  if (!sourceMaps.has(path)) {
    const file = `${path}.map`;
    sourceMaps.set(path, existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, "utf8"))) : undefined);
  }
  return sourceMaps.get(path);
};

/** Where a function stands in the sources, as far as the bundle's source map tells. */
const placeOf = ({ columnNumber, lineNumber, url }: Node["callFrame"]): string => {
  if (!url.startsWith("file:")) return url;
  const path = fileURLToPath(url);
  const entry = sourceMapOf(path)?.findEntry(lineNumber, columnNumber);
  return entry !== undefined && "originalSource" in entry
    ? `${relative(".", resolve(dirname(path), entry.originalSource))}:${entry.originalLine + 1}`
    : basename(path);
};

const nameOf = ({ callFrame }: Node): string =>
  `${callFrame.functionName || "(anonymous)"} ${placeOf(callFrame)}`.trimEnd();

const summarise = (file: string): Thread => {
  const { nodes, samples, timeDeltas }: CpuProfile = JSON.parse(readFileSync(file, "utf8"));
  const parents = new Map<number, Node>();
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node);
  const labels = new Map(nodes.map((node) => {
    const { functionName, url } = node.callFrame;
    const caller = parents.get(node.id);
    const isNative = url === "" && !functionName.startsWith("(") && caller !== undefined;
    return [node.id, isNative ? `${nameOf(caller)} → ${functionName}` : nameOf(node)];
  }));
  const micros = new Map<string, number>();
  samples.forEach((id, index) => {
    const label = labels.get(id)!;
    micros.set(label, (micros.get(label) ?? 0) + timeDeltas[index]!);
  });
  const total = timeDeltas.reduce((sum, delta) => sum + delta, 0);
  const top = [...micros]
    .filter(([label]) => label !== "(idle)" && label !== "(root)")
    .map(([label, time]) => ({ function: label, share: time / total }))
    .sort((a, b) => b.share - a.share);
  const entry = nodes.map(({ callFrame: { url } }) => basename(url)).find((name) => /^(bin|\w+Worker)\.js$/.test(name));
  return {
    name: entry ?? basename(file),
    seconds: total / 1e6,
    busy: top.reduce((sum, { share }) => sum + share, 0),
    top: top.slice(0, functionsShown),
  };
};

/** Threads of the profiles in a folder, the busiest first. */
export const read = (folder: string): ReadonlyArray<Thread> =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".cpuprofile"))
    .map((name) => summarise(join(folder, name)))
    .sort((a, b) => b.busy * b.seconds - a.busy * a.seconds);
