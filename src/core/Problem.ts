/** What is wrong with a spec or its target, before it has a place in a file; `spec/Finding` adds file, line and column. */
export interface Problem {
  /** Stable, `area/kebab-case`, e.g. `sql/missing-column`. */
  readonly code: string;
  readonly severity: "error" | "warning";
  /** Below the component's own settings, e.g. `["tables", 0, "columns", "url"]`. */
  readonly path: ReadonlyArray<string | number>;
  readonly message: string;
  /** What to do next. */
  readonly suggestion?: string;
}
