// Decides which devices get in: the store checks each authentic first message, and a paired device gets a session. All others get silence.

import type { Logger } from 'pino';
import { LogThrottle } from '../../base/logThrottle.ts';
import { UserError } from '../../base/userError.ts';
import type { ToEngine } from '../../engine/messages.ts';
import { CONTROL } from '../../limits/owner.ts';
import { SESSION } from '../../limits/session.ts';
import { STRANGER } from '../../limits/strangers.ts';
import type { HandshakeResult } from '../../noise/handshakeJob.ts';
import { OFFERED_CAPABILITIES } from '../../noise/payload.ts';
import type { SessionSlots } from '../../ring/slots.ts';
import type { NewEvent } from '../fleet/eventLog.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { Verdict } from '../store/store.ts';
import type { StoredNode } from '../store/storedNode.ts';
import type { HandshakePool } from './handshakePool.ts';
import { HandshakeRates } from './handshakeRates.ts';
import type { NoSession, Sessions } from './sessionTable.ts';

const WHY: Readonly<Record<Extract<Verdict, { verdict: 'refuse' }>['why'], string>> = {
  replay:
    'it sent a message that was not newer than its last; if its clock was ahead once, or it came out of a backup, make a new link for it',
  clock: 'its clock is more than a day off; set it, then it gets in by itself',
  unknown: 'it is not paired',
  revoked: 'it was revoked',
  token: 'its pairing link is used up, expired, cancelled or invented',
  full: 'there is no room for another node',
};

const NO_SESSION: Readonly<Record<NoSession, string>> = {
  full: 'a device was refused: there are as many sessions as the memory and the file descriptors of this hub allow',
  lanes: `a device was refused: it has ${SESSION.lanesPerNodeMax} lanes already`,
};

/** Who hears of the devices that come. */
export interface AdmissionListener {
  note(event: NewEvent): void;
  /** `token`: what the device burned to be paired; to be read before returning. */
  admitted(node: StoredNode, token: Uint8Array | null): void;
  /** The store has answered: it may take less or more than before. */
  tellOfStore(): void;
}

/** Of a cluster: why a device gets silence; null: the store decides. */
export interface Door {
  refusal(comer: HandshakeResult): Promise<string | null>;
}

/** What the front needs to answer a device and hand it over; the keys are to be wiped. */
export type Accepted = NonNullable<Extract<ToEngine, { type: 'verdict' }>['accepted']>;

interface From {
  readonly remoteAddress: string;
  /** Inside one. */
  readonly webSocket: boolean;
}

/** An authentic first message that waits for the store's word. */
interface Asking {
  readonly answer: HandshakeResult;
  readonly from: From;
  /** On the clock of performance.now(). */
  readonly sinceMs: number;
  readonly decided: (accepted: Accepted | null) => void;
}

export class Admission {
  readonly #store: HubStore;
  readonly #sessions: Sessions;
  readonly #slots: SessionSlots;
  readonly #log: Logger;
  readonly #told: AdmissionListener;
  readonly #pool: Pick<HandshakePool, 'answer' | 'destroy'>;
  readonly #door: Door | null;
  #atDoor = 0;
  readonly #rates = new HandshakeRates();
  readonly #refusals = new LogThrottle(performance.now());
  readonly #noSessions: Readonly<Record<NoSession, LogThrottle>> = {
    full: new LogThrottle(performance.now()),
    lanes: new LogThrottle(performance.now()),
  };
  #asking: Asking[] = [];
  #isDeciding = false;
  #closed = false;

  constructor(options: {
    /** The admission's own from now on. */
    pool: Pick<HandshakePool, 'answer' | 'destroy'>;
    store: HubStore;
    sessions: Sessions;
    slots: SessionSlots;
    log: Logger;
    listener: AdmissionListener;
    door?: Door | null;
  }) {
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#slots = options.slots;
    this.#log = options.log;
    this.#told = options.listener;
    this.#pool = options.pool;
    this.#door = options.door ?? null;
  }

  /** `accepted` null: silence. `costMs`: CPU time of the handshake. Never rejects. */
  async admit(
    message1: Uint8Array,
    remoteAddress: string,
    webSocket: boolean,
  ): Promise<{ accepted: Accepted | null; costMs: number }> {
    const { result: answer, costMs } = await this.#pool.answer(message1, remoteAddress);
    if (answer === null) return { accepted: null, costMs };
    const accepted = (await this.#mayAsk(answer, remoteAddress))
      ? await this.#ask(answer, { remoteAddress, webSocket })
      : null;
    answer.enroll?.token.fill(0);
    if (accepted === null) wipeKeys(answer);
    return { accepted, costMs };
  }

  async #mayAsk(answer: HandshakeResult, remoteAddress: string): Promise<boolean> {
    if (!this.#rates.allows(answer.nodeId, performance.now())) {
      this.#logRefusal(remoteAddress, 'it shakes hands too often');
      return false;
    }
    return this.#door === null || this.#passesDoor(this.#door, answer, remoteAddress);
  }

  /** In a cluster, the other hubs may have a word first. */
  async #passesDoor(door: Door, answer: HandshakeResult, remoteAddress: string): Promise<boolean> {
    if (this.#atDoor >= CONTROL.askingMax) {
      this.#logRefusal(remoteAddress, 'too many devices wait for the cluster');
      return false;
    }
    this.#atDoor++;
    try {
      const why = await door.refusal(answer);
      if (why === null) return !this.#closed;
      this.#logRefusal(remoteAddress, why);
      this.#told.note({ kind: 'refused', text: `a device at ${remoteAddress} was refused: ${why}` });
    } catch (error) {
      this.#log.error({ err: error }, 'the cluster could not be asked about a device');
    } finally {
      this.#atDoor--;
    }
    this.#rates.refused(answer.nodeId);
    return false;
  }

  /** All that came while the disk was busy wait for it together: thousands of devices that return at once are not as many fsyncs. */
  #ask(answer: HandshakeResult, from: From): Promise<Accepted | null> {
    if (this.#asking.length >= CONTROL.askingMax) {
      this.#logRefusal(from.remoteAddress, 'too many devices wait for the disk');
      return Promise.resolve(null);
    }
    return new Promise((decided) => {
      this.#asking.push({ answer, from, sinceMs: performance.now(), decided });
      if (!this.#isDeciding) setImmediate(() => this.#decideAll());
      this.#isDeciding = true;
    });
  }

  async #decideAll(): Promise<void> {
    while (this.#asking.length > 0) {
      const asking = this.#takeAsking();
      const verdicts = this.#closed ? null : await this.#verdicts(asking);
      asking.forEach(({ answer, from, decided }, at) => {
        const verdict = this.#closed ? undefined : verdicts?.[at];
        decided(verdict === undefined ? null : this.#obey(verdict, answer, from));
      });
    }
    this.#isDeciding = false;
  }

  /** Those whose connections may still be there: a disk that hung has outlasted the others. */
  #takeAsking(): Asking[] {
    const fromMs = performance.now() - STRANGER.deadlineMs;
    const asking = this.#asking.filter(({ sinceMs, decided }) => {
      if (sinceMs < fromMs) decided(null);
      return sinceMs >= fromMs;
    });
    this.#asking = [];
    return asking;
  }

  /** null: the store decides nothing now. */
  async #verdicts(asking: readonly Asking[]): Promise<readonly (Verdict | UserError)[] | null> {
    const nowMs = Date.now();
    try {
      return await this.#store.ask(
        'admit',
        asking.map(({ answer: { remoteStatic, timestamp, enroll } }) => {
          return { publicKey: remoteStatic, timestamp, enroll, nowMs };
        }),
      );
    } catch (error) {
      this.#log.error({ err: error, devices: asking.length }, 'devices could not be admitted');
      return null;
    } finally {
      this.#told.tellOfStore();
    }
  }

  /** What follows from the store's word: a session for a device that is let in. */
  #obey(verdict: Verdict | UserError, answer: HandshakeResult, from: From): Accepted | null {
    const { remoteAddress, webSocket } = from;
    try {
      if (verdict instanceof UserError) throw verdict;
      const { nodeId, enroll, lane, message2, initialWindowBytes, sendKey, receiveKey } = answer;
      if (verdict.verdict === 'refuse') {
        this.#rates.refused(nodeId);
        this.#logRefusal(remoteAddress, verdict.why);
        this.#told.note({
          kind: 'refused',
          text: `a device at ${remoteAddress} was refused: ${WHY[verdict.why]}`,
        });
        return null;
      }
      this.#rates.admitted(nodeId, performance.now());
      const capabilities = answer.capabilities & OFFERED_CAPABILITIES;
      const facts = { lane, capabilities, address: remoteAddress, webSocket };
      const session = this.#sessions.add(verdict.node, facts, performance.now());
      if (typeof session === 'string') {
        this.#noSession(verdict.node, session);
        return null;
      }
      if (verdict.enrolled) {
        this.#log.info({ node: verdict.node.name, id: verdict.node.id }, 'a device was paired');
      }
      this.#told.admitted(verdict.node, verdict.enrolled ? (enroll?.token ?? null) : null);
      const { index, number, worker } = session;
      this.#slots.reset(index);
      const terms = { initialWindowBytes, capabilities };
      return { message2, sendKey, receiveKey, index, number, worker, ...terms };
    } catch (error) {
      this.#log.error({ err: error }, 'a device could not be admitted');
      return null;
    }
  }

  #noSession(node: StoredNode, why: NoSession): void {
    const text = NO_SESSION[why];
    this.#told.note({ kind: 'refused', node, text });
    const line = this.#noSessions[why].line(performance.now());
    if (line === null) return;
    const { size, max } = this.#sessions;
    this.#log.warn({ node: node.name, sessions: size, sessionsMax: max, ...line }, text);
  }

  #logRefusal(from: string, why: string): void {
    const line = this.#refusals.line(performance.now());
    if (line !== null) this.#log.info({ from, why, ...line }, 'a device was refused');
  }

  /** Handshakes under way end in silence. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.destroy();
  }
}

/** What went to another thread was copied, so this copy is no longer needed. */
export function wipeKeys({ sendKey, receiveKey }: { sendKey: Uint8Array; receiveKey: Uint8Array }): void {
  sendKey.fill(0);
  receiveKey.fill(0);
}
