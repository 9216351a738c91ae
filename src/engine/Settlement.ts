import { Effect } from "effect";
import type { StateError } from "../core/Errors.ts";
import type { ItemRef } from "../core/Item.ts";
import type { QuarantineIdentity, QuarantineScope, State } from "../core/State.ts";
import type { Admitted, AdmittedChunk } from "./Admission.ts";
import { empty } from "./Ledger.ts";
import type { Admission, Disposal, Ledger } from "./Ledger.ts";
import { Objects } from "./Objects.ts";
import type { PartSettled } from "./Objects.ts";
import { Incidents } from "./Report.ts";
import type { Ticket } from "./Watermarks.ts";

/** An item that is not durable in the sink, and why. */
export interface Refusal {
  readonly ref: ItemRef;
  readonly ticket: Ticket;
  readonly outcome: Exclude<Admission, "committed" | "already">;
  readonly code: string;
  readonly reason: string;
}

/** Durable items that may be disposed of under one receipt: one, or all the parts of one object. */
export interface Deletable {
  readonly key: string;
  readonly origin: Admitted["item"]["origin"];
  readonly outcome: "committed" | "already";
  readonly members: ReadonlyArray<Admitted>;
}

/** Invariant 2: the one place where items are counted, each once on either side. */
export class Settlement {
  readonly #counts: Record<keyof Ledger, number> = { ...empty };
  readonly #objects = new Objects();
  readonly incidents = new Incidents();
  readonly #state: State["Type"];
  readonly #runId: string;
  readonly #scope: QuarantineScope;

  constructor(state: State["Type"], runId: string, scope: QuarantineScope) {
    this.#state = state;
    this.#runId = runId;
    this.#scope = scope;
  }

  get ledger(): Ledger {
    return { ...this.#counts };
  }

  /** Counts an item as listed when it first enters a batch. */
  list(admitted: Admitted): void {
    if (admitted.listed) return;
    admitted.listed = true;
    this.#counts.listed++;
  }

  /** Dismissals of a chunk: listed and settled at once. */
  dismiss(dismissed: AdmittedChunk["dismissed"]): Effect.Effect<void, StateError> {
    return this.#refuse(
      dismissed.map(({ dismissal: { code, item, outcome, reason }, ticket }) => ({
        ref: item,
        ticket,
        outcome,
        code,
        reason,
      })),
      true,
    );
  }

  /** Listed items that end without being durable. Rejects and conflicts go to quarantine; accepted ones count as skipped. */
  refuse(refusals: ReadonlyArray<Refusal>): Effect.Effect<void, StateError> {
    return this.#refuse(refusals, false);
  }

  #refuse(refusals: ReadonlyArray<Refusal>, unlisted: boolean): Effect.Effect<void, StateError> {
    if (refusals.length === 0) return Effect.void;
    const held = refusals.filter(({ outcome }) => outcome === "rejected" || outcome === "conflict");
    return Effect.map(this.#accepted(held), (accepted) => {
      for (const refusal of refusals) {
        const { code, outcome, reason, ref, ticket } = refusal;
        if (unlisted) this.#counts.listed++;
        const ended: Admission = accepted.has(refusal) ? "skipped" : outcome;
        this.#counts[ended]++;
        if (ended !== "skipped") this.incidents.add(ended, code, ref.key, reason);
        ticket.settle(ended === "skipped");
        if (ref.part !== undefined) this.#heldBack(this.#objects.lost(ref.part));
      }
    });
  }

  #accepted(held: ReadonlyArray<Refusal>): Effect.Effect<ReadonlySet<Refusal>, StateError> {
    if (held.length === 0) return Effect.succeed(new Set());
    const identities = held.map(({ code, ref }): QuarantineIdentity => ({
      ...this.#scope,
      key: ref.key,
      sha256: ref.origin.sha256,
      code,
    }));
    const records = identities.map((identity, index) => ({
      ...identity,
      kind: held[index]!.outcome === "conflict" ? "conflict" as const : "rejected" as const,
      reason: held[index]!.reason,
    }));
    return this.#state.quarantine(this.#runId, records).pipe(
      Effect.zipRight(this.#state.accepted(identities)),
      Effect.map((flags) => new Set(held.filter((_, index) => flags[index]))),
    );
  }

  /** Counts durable items; answers what may now be disposed of. */
  durable(
    admitted: ReadonlyArray<{ readonly admitted: Admitted; readonly outcome: "committed" | "already" }>,
  ): ReadonlyArray<Deletable> {
    const deletables: Array<Deletable> = [];
    for (const { admitted: member, outcome } of admitted) {
      this.#counts[outcome]++;
      const { key, origin, part } = member.item;
      if (part === undefined) {
        deletables.push({ key, origin, outcome, members: [member] });
        continue;
      }
      const settled = this.#objects.durable(part, member);
      this.#heldBack(settled);
      if (settled.whole !== undefined) deletables.push({ ...settled.whole, outcome });
    }
    return deletables;
  }

  #heldBack(settled: PartSettled): void {
    for (const member of settled.heldBack ?? []) {
      this.#counts.kept++;
      member.ticket.settle(false);
    }
  }

  /** What became of durable items. A `kept` from here is by choice: a resumed run may skip it. */
  dispose(
    members: ReadonlyArray<Admitted>,
    disposal: Disposal,
    why?: { readonly code: string; readonly reason: string },
  ): void {
    for (const member of members) {
      this.#counts[disposal]++;
      if (why !== undefined) this.incidents.add(disposal, why.code, member.item.key, why.reason);
      member.ticket.settle(disposal === "deleted" || disposal === "gone" || disposal === "kept");
    }
  }

  /** At the end of a run that was stopped: parts whose siblings never came. */
  abandonParts(): void {
    this.dispose(this.#objects.leftOver(), "undeleted", {
      code: "run/stopped",
      reason: "the run was stopped before the other parts of the object were durable; run again",
    });
  }
}
