// One lane of a node to a hub: dials, shakes hands, and does it again whenever the session ends, for ever, with growing pauses. The
// sockets are the engine thread's.

import { randomBytes, randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import { IpAddress } from '../base/ipAddress.ts';
import type { EngineThread } from '../engine/engineThread.ts';
import type { FromEngine } from '../engine/messages.ts';
import { ENGINE } from '../limits/engine.ts';
import { NODE } from '../limits/node.ts';
import type { ViaKind } from '../model/fleet.ts';
import { type Via, viaText } from '../model/via.ts';
import { type Way, wayText } from '../model/way.ts';
import { type Initiator, startInitiator } from '../noise/handshake.ts';
import { HandshakeError } from '../noise/handshakeError.ts';
import type { KeyPair } from '../noise/keyPair.ts';
import { decodeMessage2, encodeMessage1, OFFERED_CAPABILITIES, VERSION } from '../noise/payload.ts';
import { timestampAfter } from '../noise/timestamp.ts';
import { inTurns } from './addressOrder.ts';
import { Backoff } from './backoff.ts';
import type { HubRecord } from './hubRecords.ts';
import type { HubsFile } from './hubsFile.ts';
import type { LaneTurns } from './laneTurns.ts';
import { distinctAddresses } from './nameCache.ts';
import { NONE, withNetworks } from './ownAddresses.ts';
import type { Resolver } from './resolver.ts';

/** The proxy through which a host is dialled. */
export type ViaFor = (host: string) => Via | null;

export type LaneMessage = Extract<
  FromEngine,
  { type: 'dialled' | 'message2' | 'dialFailed' | 'tunnelUp' | 'tunnelDown' }
>;

export interface HubLaneOptions {
  /** Of the lane's line in the shared slots. */
  readonly index: number;
  readonly lane: number;
  /** Names the hub in `hubs`. */
  readonly publicKey: string;
  readonly hubs: HubsFile;
  readonly keyPair: KeyPair;
  readonly thread: Pick<EngineThread, 'post'>;
  readonly resolver: Pick<Resolver, 'resolve'>;
  /** The proxy on the way to a host; null: none. */
  readonly via: ViaFor;
  /** Shared by the lanes of one hub. */
  readonly turns: LaneTurns;
  readonly log: Logger;
  readonly status: (via: ViaKind | null) => Promise<string>;
  readonly onConnected: () => void;
  /** The hub's addresses, or ours on the way to it, are known anew. */
  readonly onAddresses: () => void;
}

/** Numbers of dials, never used twice in a process. */
let lastDial = 0;

export class HubLane {
  readonly index: number;
  readonly publicKey: string;
  /** By way: of what is dialled and of what is behind it. */
  readonly #addressesOf = new Map<string, readonly string[]>();
  isConnected = false;
  /** Whether there are several ways to the hub. */
  hasChoice = false;
  /** Of our end of the session, or of its dial; '' without one. */
  localAddress = '';
  readonly #options: HubLaneOptions;
  readonly #log: Logger;
  readonly #backoff = new Backoff();
  /** Of the last session. RFC 6724 prefers IPv6. */
  #family: 4 | 6 = 6;
  /** Connections in a row that no session came of. */
  #fruitless = 0;
  #dial = 0;
  /** Of the dial under way, or its session. */
  #via: Via | null = null;
  #way: Way;
  /** Dials in a row that no session came of. */
  #waysTried = 0;
  /** The network is another one: what worked in the last says nothing. */
  #isNewNetwork = false;
  #initiator: Initiator | null = null;
  #stopped = false;
  #wait: NodeJS.Timeout | null = null;
  /** Ends the wait for this dial's handshake: it failed, or its session is up. */
  #handshakeOver: () => void = () => {};
  #dialAtOnce = false;
  /** The hub has sent this device away until then. */
  #notBeforeMs = 0;
  /** After leave(). */
  #onGone: () => void = () => {};
  /** Of the last failure by each way, so that the same sentence is not logged again and again. */
  readonly #lastReasons = new Map<string, string>();

  constructor(options: HubLaneOptions) {
    this.index = options.index;
    this.publicKey = options.publicKey;
    this.#options = options;
    this.#way = this.#nextWay();
    this.#log = options.log.child({ hub: this.hubName, ...(options.lane > 0 ? { lane: options.lane } : {}) });
  }

  get #hub(): HubRecord {
    return this.#options.hubs.get(this.publicKey);
  }

  /** Its first address: "host:port", or "wss://host/path". */
  get hubName(): string {
    return wayText(this.#hub.ways[0]!);
  }

  /** IP literals of the hub, by every way, and of proxies on the way to it. */
  get addresses(): readonly string[] {
    return [...this.#addressesOf.values()].flat();
  }

  /** How it is connected, or dials. */
  get wayName(): string {
    return wayText(this.#way);
  }

  /** The proxy on the way; null: none. */
  get via(): ViaKind | null {
    return this.#via?.kind ?? null;
  }

  /** What led to the hub last, then the others in their order. */
  #nextWay(): Way {
    const { ways, lastWay } = this.#hub;
    const first = ways[this.#isNewNetwork ? 0 : lastWay]!;
    return [first, ...ways.filter((way) => way !== first)][this.#waysTried % ways.length]!;
  }

  start(): void {
    const { turns, lane } = this.#options;
    turns.take(lane, () => this.#attempt());
  }

  /** No more dials; a session that is up is left to the engine thread. */
  stop(): void {
    this.#stopped = true;
    if (this.#wait !== null) clearTimeout(this.#wait);
    if (!this.isConnected && this.#dial !== 0) {
      this.#options.thread.post({ type: 'hangUp', dial: this.#dial, reason: 'the node is stopping' });
    }
    this.#handshakeOver();
  }

  /** No more dials, and no new streams on a session that is up, which ends after `drainMs`. `onGone`: nothing of the lane is left. */
  leave(drainMs: number, reason: string, onGone: () => void): void {
    if (this.#stopped) return;
    this.#onGone = onGone;
    const session = this.isConnected ? this.#dial : 0;
    this.stop();
    if (session === 0) {
      this.#dial = 0;
      onGone();
      return;
    }
    this.#options.thread.post({ type: 'leave', dial: session });
    setTimeout(() => this.#options.thread.post({ type: 'hangUp', dial: session, reason }), drainMs).unref();
  }

  /** Drops the session or dial and makes a new one at once: the network has changed. */
  redial(reason: string): void {
    if (this.#stopped) return;
    this.#backoff.forget();
    this.#isNewNetwork = true;
    this.#waysTried = 0;
    this.#notBeforeMs = 0;
    if (this.#dial !== 0) {
      this.#options.thread.post({ type: 'hangUp', dial: this.#dial, reason });
      this.#dialAtOnce = true;
      this.#failed(reason);
    } else if (this.#wait !== null) {
      clearTimeout(this.#wait);
      this.#wait = null;
      this.start();
    }
  }

  /** The hub sends this device away: drops the session or dial and makes no other for so long, unless the network changes. */
  backOff(waitMs: number, reason: string): void {
    if (this.#stopped) return;
    this.#notBeforeMs = performance.now() + waitMs;
    if (this.#dial === 0) return;
    this.#options.thread.post({ type: 'hangUp', dial: this.#dial, reason });
    this.#failed(reason);
  }

  /** The network has changed in a way that the session may survive: its hub has to say so. Without one, the lane dials at once. */
  doubt(reason: string): void {
    if (!this.isConnected) {
      this.redial(reason);
      return;
    }
    this.#log.info(`${reason}: is the hub still there?`);
    this.#options.thread.post({ type: 'doubt', dial: this.#dial });
  }

  /** Resolves when the handshake is over, one way or the other. */
  async #attempt(): Promise<void> {
    if (this.#stopped || this.#waitsOut()) return;
    const over = new Promise<void>((resolve) => {
      this.#handshakeOver = resolve;
    });
    try {
      const addresses = await this.#addressesInTurn();
      // The hub may have sent the device away meanwhile, over another lane.
      if (this.#stopped || this.#waitsOut()) return;
      this.#shakeHands(addresses);
      await over;
    } catch (error) {
      this.#failed((error as Error).message);
    }
  }

  /** Whether the time for which the hub has sent this device away is not over: then the lane starts at its end. */
  #waitsOut(): boolean {
    const restMs = this.#notBeforeMs - performance.now();
    if (restMs <= 0) return false;
    this.startIn(restMs);
    return true;
  }

  /** The family that worked last goes first; after a connection to something that was no hub, another address does. */
  async #addressesInTurn(): Promise<string[]> {
    this.#way = this.#nextWay();
    this.hasChoice = this.#hub.ways.length > 1;
    const { host } = this.#way;
    this.#via = this.#options.via(host);
    for (const other of this.#hub.ways) if (other !== this.#way) void this.#learnAddresses(other);
    const dialled =
      this.#via === null ? await this.#resolve(host, 'hub') : await this.#resolve(this.#via.host, 'proxy');
    // Neither is a target. The proxy may know names that this device does not.
    const behind = this.#via === null ? [] : await this.#resolve(host, 'hub').catch(() => []);
    this.#addressesOf.set(this.wayName, [...dialled, ...behind]);
    this.#options.onAddresses();
    const inOrder = inTurns(distinctAddresses(dialled), this.#family).map(String);
    // Addresses with a zone alone: the dial says that they cannot be dialled.
    if (inOrder.length === 0) return [...dialled];
    const skipped = this.#fruitless % inOrder.length;
    return [...inOrder.slice(skipped), ...inOrder.slice(0, skipped)];
  }

  /** Of a way that is not dialled now: they are no targets either. */
  async #learnAddresses(way: Way): Promise<void> {
    const found = await this.#resolve(way.host, 'hub').catch(() => null);
    if (found === null || this.#stopped) return;
    this.#addressesOf.set(wayText(way), found);
    this.#options.onAddresses();
  }

  async #resolve(host: string, what: 'hub' | 'proxy'): Promise<readonly string[]> {
    if (IpAddress.parse(host) !== null) return [host];
    const found = await this.#options.resolver.resolve(host, NODE.dnsAnswerMs);
    if (found.failure !== undefined) throw new Error(`the ${what}'s name ${host} cannot be resolved`);
    return found.addresses;
  }

  #shakeHands(addresses: readonly string[]): void {
    const { hubs, keyPair, publicKey, lane, thread } = this.#options;
    const hub = this.#hub;
    const last = hub.lastTimestamp === null ? null : bytesOf(hub.lastTimestamp);
    const timestamp = timestampAfter(Date.now(), last);
    // Written before it is used: a timestamp sent twice would be refused.
    hubs.setLastTimestamp(publicKey, timestamp);
    const enroll = hub.token === null ? null : { token: bytesOf(hub.token), name: hub.name };
    const payload = encodeMessage1(
      { timestamp, version: VERSION, capabilities: OFFERED_CAPABILITIES, lane, enroll },
      randomInt(ENGINE.handshakePaddingMaxBytes),
    );
    this.#initiator = startInitiator({ staticKeyPair: keyPair, hubPublicKey: bytesOf(publicKey), payload });
    this.#dial = ++lastDial;
    const { message1 } = this.#initiator;
    const way = this.#way;
    const via = this.#via === null ? null : { proxy: this.#via, hub: { host: way.host, port: way.port } };
    const web = way.webSocket === undefined ? null : { way, key: randomBytes(16).toString('base64') };
    const port = this.#via?.port ?? way.port;
    thread.post({ type: 'dial', dial: this.#dial, addresses, port, via, web, message1 });
  }

  /** Whether this dial, or the session that came of it, is the lane's. */
  hasDial(dial: number): boolean {
    return dial === this.#dial;
  }

  /** What the engine thread says of the lane's dial. */
  hear(message: LaneMessage): void {
    switch (message.type) {
      case 'dialled':
        this.localAddress = message.localAddress;
        // Before the session begins, and its streams.
        this.#options.onAddresses();
        this.#fruitless++;
        return;
      case 'message2':
        void this.#finish(message.message2);
        return;
      case 'tunnelUp':
        this.#up();
        return;
      case 'dialFailed':
      case 'tunnelDown':
        this.#failed(message.reason);
        return;
    }
  }

  async #finish(message2: Uint8Array): Promise<void> {
    const { hubs, publicKey, thread, status } = this.#options;
    const dial = this.#dial;
    try {
      if (this.#initiator === null) throw new Error('the hub answered a message that was never sent');
      const { payload, sendKey, receiveKey } = this.#initiator.finish(message2);
      try {
        const { enrolledAs, initialWindowBytes, capabilities, observedAddress } = decodeMessage2(payload);
        if (enrolledAs !== null) hubs.enrolled(publicKey, enrolledAs);
        const json = await status(this.via);
        if (this.#stopped) return;
        thread.post({
          type: 'session',
          dial,
          index: this.index,
          hub: publicKey,
          initialWindowBytes,
          capabilities: capabilities & OFFERED_CAPABILITIES,
          observed: IpAddress.parse(observedAddress) !== null ? withNetworks(NONE, [observedAddress]) : [],
          status: json,
          sendKey,
          receiveKey,
        });
      } finally {
        // The thread has copies of its own.
        sendKey.fill(0);
        receiveKey.fill(0);
      }
    } catch (error) {
      thread.post({ type: 'hangUp', dial, reason: 'the handshake failed' });
      // A HandshakeError says so itself.
      const { message } = error as Error;
      this.#failed(error instanceof HandshakeError ? message : `the handshake failed: ${message}`);
    }
  }

  #up(): void {
    this.isConnected = true;
    this.#lastReasons.clear();
    this.#backoff.connected(performance.now());
    this.#fruitless = 0;
    this.#family = IpAddress.parse(this.localAddress)?.family ?? this.#family;
    const { hubs, publicKey, turns, lane } = this.#options;
    hubs.workedBy(publicKey, this.#way);
    turns.stands(lane);
    this.#waysTried = 0;
    this.#isNewNetwork = false;
    const via = this.#via === null ? {} : { via: viaText(this.#via) };
    this.#log.info({ ...this.#wayFields, ...via }, 'connected to the hub');
    this.#handshakeOver();
    this.#options.onConnected();
  }

  /** For the log. */
  get #wayFields(): { way?: string } {
    return this.hasChoice ? { way: this.wayName } : {};
  }

  /** The dial failed or its session ended: by the next way at once, or again from the first, after a pause. */
  #failed(reason: string): void {
    const wasConnected = this.isConnected;
    const { wayName } = this;
    const { turns, lane } = this.#options;
    if (wasConnected) turns.fell(lane);
    this.isConnected = false;
    this.localAddress = '';
    this.#dial = 0;
    this.#initiator?.wipe();
    this.#initiator = null;
    this.#handshakeOver();
    if (this.#stopped) {
      this.#onGone();
      return;
    }
    const nowMs = performance.now();
    if (!wasConnected && !this.#dialAtOnce) this.#waysTried++;
    const isWayLeft = this.#waysTried % this.#hub.ways.length !== 0;
    const pauseMs = this.#dialAtOnce || isWayLeft ? 0 : this.#backoff.failed(nowMs, Math.random());
    const waitMs = Math.max(pauseMs, this.#notBeforeMs - nowMs);
    this.#dialAtOnce = false;
    const said = { ...this.#wayFields, retryInMs: Math.round(waitMs) };
    if (wasConnected || this.#lastReasons.get(wayName) !== reason) this.#log.warn(said, reason);
    else this.#log.debug(said, reason);
    this.#lastReasons.set(wayName, reason);
    this.startIn(waitMs);
  }

  /** start() after a pause. */
  startIn(waitMs: number): void {
    this.#wait = setTimeout(() => {
      this.#wait = null;
      this.start();
    }, waitMs);
  }

  sendStatus(json: string): void {
    if (this.isConnected) this.#options.thread.post({ type: 'status', dial: this.#dial, json });
  }
}

function bytesOf(base64url: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64url, 'base64url'));
}
