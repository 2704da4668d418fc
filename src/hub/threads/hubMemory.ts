// What the hub holds for clients that do not read, as control sees it: how large the windows of new sessions are, and what the log says
// when memory runs short.

import type { Logger } from 'pino';
import type { MemoryShortage } from '../../engine/memoryReport.ts';
import { MEMORY } from '../../limits/engine.ts';
import { PROTOCOL } from '../../limits/wire.ts';
import { type SharedSlots, ThreadSlots } from '../../ring/slots.ts';

export class HubMemory {
  readonly maxBytes: number;
  readonly #threads: readonly ThreadSlots[];
  readonly #log: Logger;
  #notedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: { slots: SharedSlots; threads: number; maxBytes: number; log: Logger }) {
    this.maxBytes = parts.maxBytes;
    this.#threads = Array.from({ length: parts.threads }, (_, at) => new ThreadSlots(parts.slots, at));
    this.#log = parts.log;
  }

  /** As the threads counted it at the end of their last turns. */
  get heldBytes(): number {
    return this.#threads.reduce((held, thread) => held + thread.get('heldKib') * 1_024, 0);
  }

  /** Of a session that begins now: its credit cannot be taken back. */
  get initialWindowBytes(): number {
    const isTight = this.heldBytes >= MEMORY.tightShare * this.maxBytes;
    return isTight ? MEMORY.tightWindowBytes : PROTOCOL.initialWindowBytes;
  }

  /** A thread refused or reset streams. Returns a sentence for the owner, once in a while. */
  short({ refused, reset, resetBytes, stalledMs }: MemoryShortage, nowMs: number): string | null {
    const text =
      'clients do not read what they asked for, and it fills the memory for that (--memory): streams are reset or refused';
    const { heldBytes, maxBytes } = this;
    this.#log.warn({ reset, resetBytes, stalledMs, refused, heldBytes, maxBytes }, text);
    if (nowMs - this.#notedMs < MEMORY.noteEveryMs) return null;
    this.#notedMs = nowMs;
    return text;
  }
}
