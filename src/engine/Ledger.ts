/** Invariant 2: the closing account. Every item is counted once on each side of both equations. */

/** Where an item's way through the sink ended. */
export const admissions = ["committed", "already", "skipped", "rejected", "conflict", "contended", "failed"] as const;
export type Admission = (typeof admissions)[number];

/** What became of an object whose item is durable. */
export const disposals = ["deleted", "gone", "changed", "kept", "undeleted"] as const;
export type Disposal = (typeof disposals)[number];

export type Ledger = Readonly<Record<"listed" | Admission | Disposal, number>>;

export interface Tolerance {
  readonly rejected: number;
  readonly conflict: number;
}

export const empty: Ledger = {
  listed: 0,
  committed: 0,
  already: 0,
  skipped: 0,
  rejected: 0,
  conflict: 0,
  contended: 0,
  failed: 0,
  deleted: 0,
  gone: 0,
  changed: 0,
  kept: 0,
  undeleted: 0,
};

const sum = (ledger: Ledger, names: ReadonlyArray<Admission | Disposal>): number =>
  names.reduce((total, name) => total + ledger[name], 0);

/** Items settled one way or another; equals `listed` once nothing is in flight. */
export const processed = (ledger: Ledger): number => sum(ledger, admissions);

/** The equations that do not hold, as sentences; empty when the ledger closes. */
export const imbalances = (ledger: Ledger): ReadonlyArray<string> => {
  const durable = ledger.committed + ledger.already;
  const settled = processed(ledger);
  const disposed = sum(ledger, disposals);
  return [
    ...(ledger.listed === settled ? [] : [`listed ${ledger.listed} ≠ ${settled} = ${admissions.join(" + ")}`]),
    ...(durable === disposed ? [] : [`committed + already ${durable} ≠ ${disposed} = ${disposals.join(" + ")}`]),
  ];
};

/** Why a run with this ledger may not call itself a success; empty when it may (exit 0). */
export const shortfalls = (ledger: Ledger, tolerate: Tolerance): ReadonlyArray<string> => [
  ...imbalances(ledger),
  ...(["failed", "contended", "changed", "undeleted"] as const)
    .filter((name) => ledger[name] > 0)
    .map((name) => `${name} ${ledger[name]}`),
  ...(["rejected", "conflict"] as const)
    .filter((name) => ledger[name] > tolerate[name])
    .map((name) => `${name} ${ledger[name]}${tolerate[name] > 0 ? ` > ${tolerate[name]} tolerated` : ""}`),
];
