// What the owner hears of trouble on the engine threads: a line in the log, and an event.

import type { Logger } from 'pino';
import { LogThrottle } from '../../base/logThrottle.ts';
import type { FromEngine, FromFront } from '../../engine/messages.ts';
import type { HubMemory } from './hubMemory.ts';

export class ThreadTroubles {
  readonly #log: Logger;
  readonly #memory: HubMemory;
  readonly #warn: (text: string) => void;
  readonly #shortages: LogThrottle;

  /** `warn` makes the event. */
  constructor(parts: { log: Logger; memory: HubMemory; warn: (text: string) => void; nowMs: number }) {
    this.#log = parts.log;
    this.#memory = parts.memory;
    this.#warn = parts.warn;
    this.#shortages = new LogThrottle(parts.nowMs);
  }

  outOfDescriptors(
    { name, accepting }: Extract<FromFront, { type: 'outOfDescriptors' }>,
    nowMs: number,
  ): void {
    const line = this.#shortages.line(nowMs);
    if (line === null) return;
    const what = accepting
      ? 'few file descriptors are left: clients are refused'
      : 'out of file descriptors: new connections wait';
    const text = `${what}; raise the limit with ulimit -n`;
    this.#log.warn({ port: name, ...line }, text);
    this.#warn(text);
  }

  memoryShort(shortage: Extract<FromEngine, { type: 'memoryShort' }>, nowMs: number): void {
    const text = this.#memory.short(shortage, nowMs);
    if (text !== null) this.#warn(text);
  }

  fault(error: string): void {
    const text = 'an engine thread caught an error; the connection was reset';
    this.#log.error({ error }, text);
    this.#warn(text);
  }
}
