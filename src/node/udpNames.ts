// Datagrams to names that are being looked up: each association may hold a few, the rest are dropped. Pure: the caller asks, sends, and
// says what time it is.

import { UDP } from '../limits/datagrams.ts';

export interface HeldDatagram<Owner> {
  readonly owner: Owner;
  readonly port: number;
  /** A copy. */
  readonly data: Uint8Array;
}

interface Waiting<Owner> {
  readonly query: number;
  readonly session: number;
  held: HeldDatagram<Owner>[];
}

export class UdpNames<Owner> {
  /** By name. */
  readonly #waiting = new Map<string, Waiting<Owner>>();
  /** Names being looked up, by the session that asked first. */
  readonly #askedBy = new Map<number, number>();
  readonly #nameOf = new Map<number, string>();
  readonly #heldOf = new Map<Owner, number>();
  heldBytes = 0;

  /** Names being looked up. */
  get count(): number {
    return this.#waiting.size;
  }

  /**
   * 'asked': it waits for a question that is under way; 'ask': for one that the owner is to ask now as `query`; 'dropped': there was no
   * room.
   */
  hold(
    name: string,
    owner: Owner,
    port: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    query: number,
    session: number,
  ): 'ask' | 'asked' | 'dropped' {
    const waiting = this.#waiting.get(name);
    const held = this.#heldOf.get(owner) ?? 0;
    if (held >= UDP.heldMax || this.heldBytes + end - start > UDP.heldBytesMax) return 'dropped';
    const asked = this.#askedBy.get(session) ?? 0;
    const isFull = this.#waiting.size >= UDP.lookupsMax || asked >= UDP.lookupsPerSession;
    if (waiting === undefined && isFull) return 'dropped';
    const datagram = { owner, port, data: bytes.slice(start, end) };
    this.heldBytes += end - start;
    this.#heldOf.set(owner, held + 1);
    if (waiting !== undefined) {
      waiting.held.push(datagram);
      return 'asked';
    }
    this.#waiting.set(name, { query, session, held: [datagram] });
    this.#askedBy.set(session, asked + 1);
    this.#nameOf.set(query, name);
    return 'ask';
  }

  /** The question was answered: its name and what waited for it; null when it is unknown. */
  take(query: number): { readonly name: string; readonly held: readonly HeldDatagram<Owner>[] } | null {
    const name = this.#nameOf.get(query);
    if (name === undefined) return null;
    this.#nameOf.delete(query);
    const { held, session } = this.#waiting.get(name)!;
    const left = this.#askedBy.get(session)! - 1;
    if (left > 0) this.#askedBy.set(session, left);
    else this.#askedBy.delete(session);
    this.#waiting.delete(name);
    for (const datagram of held) this.#letGo(datagram);
    return { name, held };
  }

  /** The owner is no more; the questions stay asked. */
  forget(owner: Owner): void {
    if (!this.#heldOf.has(owner)) return;
    for (const waiting of this.#waiting.values()) {
      for (const datagram of waiting.held) if (datagram.owner === owner) this.#letGo(datagram);
      waiting.held = waiting.held.filter((datagram) => datagram.owner !== owner);
    }
  }

  #letGo({ owner, data }: HeldDatagram<Owner>): void {
    this.heldBytes -= data.length;
    const left = this.#heldOf.get(owner)! - 1;
    if (left === 0) this.#heldOf.delete(owner);
    else this.#heldOf.set(owner, left);
  }
}
