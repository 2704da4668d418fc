// Builds a rewritten HTTP head in a scratch buffer of the thread, one head at a time.

import { CLIENT } from '../limits/clients.ts';
import { PROTOCOL } from '../limits/wire.ts';

/**
 * A rewritten head is the received one without some fields, with the target's authority moved into Host, and with at most a version, an
 * empty Host line, one Connection line and the proxy's own lines about the node added.
 */
const SCRATCH_BYTES = CLIENT.httpHeadMaxBytes + PROTOCOL.hostMaxBytes + 1_024;

export const CRLF = Buffer.from('\r\n');
export const CONNECTION_CLOSE = Buffer.from('Connection: close\r\n');
/** With the time after which the client had better open a new connection. */
export const CONNECTION_KEEP_ALIVE = Buffer.from(
  `Connection: keep-alive\r\nKeep-Alive: timeout=${CLIENT.keepAliveAnnouncedSeconds}\r\n`,
);
export const CONNECTION_UPGRADE = Buffer.from('Connection: Upgrade\r\n');

export class HeadWriter {
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  #length = 0;

  begin(): void {
    this.#length = 0;
  }

  add(part: Uint8Array): void {
    this.#scratch.set(part, this.#length);
    this.#length += part.length;
  }

  /** Copies a run of bytes. Runs are short, so a loop beats a view. */
  copy(bytes: Uint8Array, start: number, end: number): void {
    const scratch = this.#scratch;
    let to = this.#length;
    for (let at = start; at < end; at++) scratch[to++] = bytes[at]!;
    if (to > SCRATCH_BYTES) throw new RangeError('a rewritten head outgrew its scratch buffer');
    this.#length = to;
  }

  /** The head, in memory of its own. */
  take(): Uint8Array {
    return this.#scratch.slice(0, this.#length);
  }
}
