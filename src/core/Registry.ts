import type {
  Comparator,
  Component,
  PostStepComponent,
  SinkComponent,
  SourceComponent,
  TransformComponent,
} from "./Component.ts";

/** The components and comparators a spec may name; built once, in `builtins.ts`. */
export interface Registry {
  readonly sources: ReadonlyMap<string, SourceComponent>;
  readonly transforms: ReadonlyMap<string, TransformComponent>;
  readonly sinks: ReadonlyMap<string, SinkComponent>;
  readonly postSteps: ReadonlyMap<string, PostStepComponent>;
  readonly comparators: ReadonlyMap<string, Comparator>;
}

/** Later components of one role and type replace earlier ones. */
export const make = (
  components: ReadonlyArray<Component>,
  comparators: Readonly<Record<string, Comparator>>,
): Registry => {
  const byType = <R extends Component["role"]>(role: R) =>
    new Map(
      components
        .filter((component): component is Extract<Component, { role: R }> => component.role === role)
        .map((component) => [component.type, component] as const),
    );
  return {
    sources: byType("source"),
    transforms: byType("transform"),
    sinks: byType("sink"),
    postSteps: byType("post-step"),
    comparators: new Map(Object.entries(comparators)),
  };
};
