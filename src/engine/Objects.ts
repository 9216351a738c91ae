import type { Origin, Part } from "../core/Item.ts";
import type { Admitted } from "./Admission.ts";

/** One object that may go now: the items it held, all of them durable. */
export interface WholeObject {
  readonly key: string;
  readonly origin: Origin;
  readonly members: ReadonlyArray<Admitted>;
}

/** What settling one part brought: an object whose parts are all durable, or durable siblings of one that is not. */
export interface PartSettled {
  readonly whole?: WholeObject;
  readonly heldBack?: ReadonlyArray<Admitted>;
}

/** Objects of which some parts are settled and some are not. Invariant 4: as many as are in flight, since an object's parts come together. */
export class Objects {
  readonly #open = new Map<string, { seen: number; held: boolean; members: Array<Admitted> }>();

  durable(part: Part, member: Admitted): PartSettled {
    return this.#settle(part, member);
  }

  /** A part that will not be durable in this run: its object stays, and so do its siblings. */
  lost(part: Part): PartSettled {
    return this.#settle(part, undefined);
  }

  /** Durable items of objects that never became whole: the run ended before their siblings came. */
  leftOver(): ReadonlyArray<Admitted> {
    return [...this.#open.values()].flatMap((object) => object.members);
  }

  #settle(part: Part, member: Admitted | undefined): PartSettled {
    let object = this.#open.get(part.object);
    if (object === undefined) {
      object = { seen: 0, held: false, members: [] };
      this.#open.set(part.object, object);
    }
    object.seen++;
    if (member === undefined) object.held = true;
    else object.members.push(member);
    const done = object.seen === part.of;
    if (done) this.#open.delete(part.object);
    if (object.held) {
      const heldBack = object.members;
      object.members = [];
      return { heldBack };
    }
    return done ? { whole: { key: part.object, origin: object.members[0]!.item.origin, members: object.members } } : {};
  }
}
