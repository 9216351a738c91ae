/** One thing that `doctor` looked at. */
export interface Check {
  /** Stable, `area/kebab-case`, e.g. `s3/conditional-delete`. */
  readonly name: string;
  readonly status: "pass" | "warn" | "fail";
  /** What was found, without secrets. */
  readonly detail: string;
  /** What to do next, where it did not pass. */
  readonly remedy?: string;
}
