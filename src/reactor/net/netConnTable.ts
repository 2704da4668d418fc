// The connections of a net reactor by id. An id holds a generation and a slot, so one that has been closed names no later connection.

import { type ConnHandler, type ConnId, SLOTS_MAX } from '../reactor.ts';
import { type NetConn, newConn } from './netConn.ts';

export class NetConnTable {
  readonly #conns = new Map<ConnId, NetConn>();
  /** By slot, from 1: the generation last given out. */
  readonly #generations = [0];
  readonly #freeSlots: number[] = [];

  get count(): number {
    return this.#conns.size;
  }

  add(handler: ConnHandler | null, tag: number): NetConn {
    const slot = this.#freeSlots.pop() ?? this.#generations.push(0) - 1;
    const generation = (this.#generations[slot] ?? 0) + 1;
    this.#generations[slot] = generation;
    const conn = newConn(generation * SLOTS_MAX + slot, handler, tag);
    this.#conns.set(conn.id, conn);
    return conn;
  }

  get(id: ConnId): NetConn | undefined {
    return this.#conns.get(id);
  }

  isOpen({ id }: NetConn): boolean {
    return this.#conns.has(id);
  }

  remove({ id }: NetConn): void {
    this.#conns.delete(id);
    this.#freeSlots.push(id & (SLOTS_MAX - 1));
  }

  all(): Iterable<NetConn> {
    return this.#conns.values();
  }
}
