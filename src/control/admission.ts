// Who gets in: an authentic first message is judged against the store, and a paired device gets a session. Everyone else gets silence.
// Called by hub.ts with what passed mac1 on the front.

import type { Logger } from 'pino';
import type { ToEngine } from '../engine/messages.ts';
import { ENGINE, PROTOCOL, SESSION } from '../limits.ts';
import type { HandshakeResult } from '../noise/handshakeJob.ts';
import type { KeyPair } from '../noise/keyPair.ts';
import { OFFERED_CAPABILITIES } from '../noise/payload.ts';
import type { SessionSlots } from '../ring/slots.ts';
import { HandshakePool } from './handshakePool.ts';
import { LogThrottle } from './logThrottle.ts';
import type { Sessions } from './sessions.ts';
import type { Store } from './store.ts';

const STORE_UNWRITABLE =
  'the store cannot be written: paired devices may still connect, but none can be paired, renamed or revoked';

/** What the front needs to answer a device and hand it over; the keys are to be wiped. */
export type Accepted = NonNullable<Extract<ToEngine, { type: 'verdict' }>['accepted']>;

export class Admission {
  readonly #store: Store;
  readonly #sessions: Sessions;
  readonly #slots: SessionSlots;
  readonly #log: Logger;
  readonly #pool: HandshakePool;
  readonly #refusals = new LogThrottle(performance.now());
  #storeIsWell = true;
  #closed = false;

  constructor(options: {
    keyPair: KeyPair;
    store: Store;
    sessions: Sessions;
    slots: SessionSlots;
    log: Logger;
  }) {
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#slots = options.slots;
    this.#log = options.log;
    this.#pool = new HandshakePool({
      keyPair: options.keyPair,
      initialWindowBytes: PROTOCOL.initialWindowBytes,
      maxStreams: ENGINE.streamsPerTunnelMax,
      capabilities: OFFERED_CAPABILITIES,
      onFault: (error) => this.#log.error({ err: error }, 'a handshake thread failed'),
    });
  }

  /** Null: silence. Never rejects. */
  async admit(message1: Uint8Array, remoteAddress: string): Promise<Accepted | null> {
    const answer = await this.#pool.answer(message1, remoteAddress);
    if (answer === null) return null;
    const accepted = this.#closed ? null : this.#ask(answer, remoteAddress);
    answer.enroll?.token.fill(0);
    if (accepted === null) wipeKeys(answer);
    return accepted;
  }

  /** The store's word on an authentic first message, and a session for its device. */
  #ask(answer: HandshakeResult, remoteAddress: string): Accepted | null {
    try {
      const { remoteStatic, timestamp, enroll, lane, message2, sendKey, receiveKey } = answer;
      const nowMs = Date.now();
      const verdict = this.#store.admit({ publicKey: remoteStatic, timestamp, enroll, nowMs });
      this.tellOfStore();
      if (verdict.verdict === 'refuse') {
        const line = this.#refusals.line(performance.now());
        if (line !== null) {
          this.#log.info({ from: remoteAddress, why: verdict.why, ...line }, 'a device was refused');
        }
        return null;
      }
      const session = this.#sessions.add(verdict.node, lane, remoteAddress, performance.now());
      if (session === null) {
        this.#log.warn(
          { node: verdict.node.name },
          `more than ${SESSION.sessionsMax} sessions: a device was refused`,
        );
        return null;
      }
      if (verdict.enrolled)
        this.#log.info({ node: verdict.node.name, id: verdict.node.id }, 'a device was paired');
      const { index, number, worker } = session;
      this.#slots.reset(index);
      const capabilities = answer.capabilities & OFFERED_CAPABILITIES;
      return { message2, sendKey, receiveKey, index, number, worker, capabilities };
    } catch (error) {
      this.#log.error({ err: error }, 'a device could not be admitted');
      return null;
    }
  }

  /** Once when the store stops taking what is written, and once when it takes it again. */
  tellOfStore(): void {
    const { unwritable } = this.#store;
    if ((unwritable === null) === this.#storeIsWell) return;
    this.#storeIsWell = unwritable === null;
    if (unwritable === null) this.#log.info('the store can be written again');
    else this.#log.warn({ reason: unwritable }, STORE_UNWRITABLE);
  }

  /** Handshakes under way end in silence. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.destroy();
  }
}

/** What went to another thread was copied: this copy is needed no more. */
export function wipeKeys({ sendKey, receiveKey }: { sendKey: Uint8Array; receiveKey: Uint8Array }): void {
  sendKey.fill(0);
  receiveKey.fill(0);
}
