import { createHash } from "node:crypto";
import type { SinkStage, Spec } from "../spec/Spec.ts";
import type { Inspections } from "./Inspect.ts";
import type { Plan, PlanStage } from "./Plan.ts";

/** What the engine itself reads of a sink's settings. */
const engineSettings = (sink: SinkStage) => ({
  lock: sink.lock === undefined
    ? null
    : { key: sink.lock.key, ttl: String(sink.lock.ttl), holdTarget: String(sink.lock.holdTarget) },
  batch: { items: sink.batch.items, bytes: sink.batch.bytes, wait: String(sink.batch.wait) },
  concurrency: sink.concurrency,
  statementTimeout: String(sink.statementTimeout),
  retry: {
    attempts: sink.retry.attempts,
    backoff: String(sink.retry.backoff),
    maxBackoff: String(sink.retry.maxBackoff),
    deadline: String(sink.retry.deadline),
  },
});

/** JSON with the keys of every object in byte order, so that equal values have equal text. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : typeof inner === "bigint"
      ? `${inner}n`
      : inner);

/** Pure: a decoded spec and what was found of its surroundings make the plan. Problems have been dealt with before. */
export const compile = (
  spec: Spec,
  environment: string,
  inspections: Inspections,
  toolVersion: string,
  options: { readonly keep: boolean },
): Plan => {
  const steps = options.keep ? [] : spec.postSteps;
  const stages: ReadonlyArray<PlanStage> = [
    stage("source", spec.source, inspections.source.identity),
    ...spec.transforms.map((transform) => stage("transform", transform, {})),
    stage("sink", spec.sink, inspections.sink.identity),
    ...steps.map((step, index) => stage("post-step", step, inspections.postSteps[index]?.identity ?? {})),
  ];
  const postSteps = canonicalJson(steps.map((step) => [step.component.type, step.canonical]));
  const canonical = {
    tool: toolVersion,
    environment,
    pipeline: spec.name,
    source: [spec.source.component.type, spec.source.canonical, inspections.source.identity],
    transforms: spec.transforms.map((transform) => [transform.component.type, transform.canonical]),
    sink: [spec.sink.component.type, spec.sink.canonical, engineSettings(spec.sink), inspections.sink.identity],
    postSteps,
    tolerate: spec.tolerate,
    approve: spec.approve,
    pace: spec.pace,
  };
  return {
    pipeline: spec.name,
    environment,
    toolVersion,
    hash: createHash("sha256").update(canonicalJson(canonical)).digest("hex"),
    canonical,
    stages,
    statements: [
      ...inspections.source.statements,
      ...inspections.sink.statements,
      ...(options.keep ? [] : inspections.postSteps.flatMap((inspection) => inspection.statements)),
    ],
    deletes: steps.some((step) => step.component.deletes),
    postSteps,
    spec: { ...spec, postSteps: steps },
    sinkFacts: inspections.sink.facts,
  };
};

const stage = (
  role: PlanStage["role"],
  of: { readonly component: { readonly type: string; readonly summary: string } },
  identity: Readonly<Record<string, string>>,
): PlanStage => ({ role, type: of.component.type, summary: of.component.summary, identity });
