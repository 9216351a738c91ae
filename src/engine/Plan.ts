import type { Spec } from "../spec/Spec.ts";

/** The frozen, printable, hashable value that a spec and an environment compile to. */
export interface Plan {
  readonly pipeline: string;
  readonly environment: string;
  readonly toolVersion: string;
  /** SHA-256 over `canonical`, lowercase hex: what was approved is what runs. */
  readonly hash: string;
  /** Canonical spec, redacted identities and tool version; no counts, samples, instants or secrets. Plain JSON. */
  readonly canonical: unknown;
  readonly stages: ReadonlyArray<PlanStage>;
  /** What will be run on the target. */
  readonly statements: ReadonlyArray<{ readonly title: string; readonly text: string }>;
  /** Whether objects of the source are deleted once they are durable. */
  readonly deletes: boolean;
  /** Canonical text of the post-steps: checkpoints are valid for these only. */
  readonly postSteps: string;
  readonly spec: Spec;
  /** The sink's own findings about the target, handed back to it when it is opened. */
  readonly sinkFacts: unknown;
}

export interface PlanStage {
  readonly role: "source" | "transform" | "sink" | "post-step";
  readonly type: string;
  readonly summary: string;
  /** Names and values without secrets: where it reads or writes. */
  readonly identity: Readonly<Record<string, string>>;
}
