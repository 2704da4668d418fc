// A tunnel at the hub: what is known of its node, and by slot of the clients whose streams it carries.

import { grown } from '../base/grown.ts';
import type { OpenRequest } from '../model/openRequest.ts';
import type { ConnId } from '../reactor/reactor.ts';
import type { Association } from './association.ts';
import { CLIENT_KIND } from './clientReplies.ts';
import type { Exchange } from './exchange.ts';
import type { NodeFields } from './nodeFields.ts';
import { SlotMap } from './slotMap.ts';
import { INITIAL_CAPACITY, Tunnel } from './tunnel.ts';

/** Set in a slot's kind until its client knows how the opening went. */
const UNANSWERED = 0x80;

export class HubTunnel extends Tunnel {
  /** How HTTP clients learn which node serves them; null until control has named it, or for good. */
  nodeFields: NodeFields | null = null;
  /** It was asked for something and does not answer: the router knows. */
  isSilent = false;
  #kinds = new Uint8Array(INITIAL_CAPACITY);
  #sinceMs = new Float64Array(INITIAL_CAPACITY);
  #openedMs = new Uint32Array(INITIAL_CAPACITY);
  readonly #requests: (OpenRequest | null)[] = new Array(INITIAL_CAPACITY).fill(null);
  // By slot as well, but few streams have one.
  /** Where streams go, if the owner wants to see that. */
  readonly targets = new SlotMap<{ readonly host: string; readonly port: number }>();
  /** Where the streams of a user are counted, when that is limited. */
  readonly users = new SlotMap<number>();
  /** A client's bytes that wait for room in the tunnel. */
  readonly early = new SlotMap<Uint8Array>();
  /** Since when: clients that ended while their stream opens, and had sent nothing for the target. */
  readonly endedOpening = new SlotMap<number>();
  /** HTTP requests in absolute form; CONNECT and SOCKS need none. */
  readonly exchanges = new SlotMap<Exchange>();
  /** Of UDP ASSOCIATE. */
  readonly associations = new SlotMap<Association>();

  /** A client has the slot from now on, and waits for the answer. */
  begin(slot: number, conn: ConnId, request: OpenRequest, nowMs: number): void {
    this.cover(slot);
    this.setConn(slot, conn);
    this.#kinds[slot] = request.kind | UNANSWERED;
    this.#sinceMs[slot] = nowMs - request.waitedMs;
    this.#openedMs[slot] = nowMs;
    this.#requests[slot] = request;
    if (request.user > 0) this.users.set(slot, request.user);
  }

  override takeUser(slot: number): number {
    const user = this.users.get(slot) ?? 0;
    this.users.delete(slot);
    return user;
  }

  /** The client has left the slot; its association is the caller's to end. */
  forget(slot: number): void {
    this.#kinds[slot] = CLIENT_KIND.none;
    this.#requests[slot] = null;
    this.targets.delete(slot);
    this.users.delete(slot);
    this.early.delete(slot);
    this.endedOpening.delete(slot);
    this.exchanges.delete(slot);
    this.associations.delete(slot);
  }

  /** What the client speaks: a CLIENT_KIND. */
  kindOf(slot: number): number {
    return (this.#kinds[slot] ?? CLIENT_KIND.none) & ~UNANSWERED;
  }

  /** Whether the client still waits to hear how the opening of its stream went. */
  isUnanswered(slot: number): boolean {
    return ((this.#kinds[slot] ?? 0) & UNANSWERED) !== 0;
  }

  answered(slot: number): void {
    this.#kinds[slot] = this.kindOf(slot);
  }

  /** What the client asked for; null once it can't be sent to another node any more. */
  requestOf(slot: number): OpenRequest | null {
    return this.#requests[slot] ?? null;
  }

  exchangeOf(slot: number): Exchange | null {
    return this.kindOf(slot) === CLIENT_KIND.httpForward ? (this.exchanges.get(slot) ?? null) : null;
  }

  setRequest(slot: number, request: OpenRequest | null): void {
    this.#requests[slot] = request;
  }

  /** How long the client has waited for its stream; once it has ended its side, how long nothing has come for it. */
  waitedMs(slot: number, nowMs: number): number {
    return nowMs - (this.#sinceMs[slot] ?? nowMs);
  }

  waitsSince(slot: number, nowMs: number): void {
    this.#sinceMs[slot] = nowMs;
  }

  /** Of the stream; correct for 49 days. */
  ageMs(slot: number, nowMs: number): number {
    return (Math.floor(nowMs) - (this.#openedMs[slot] ?? 0)) >>> 0;
  }

  protected override grow(capacity: number): void {
    super.grow(capacity);
    this.#kinds = grown(this.#kinds, new Uint8Array(capacity));
    this.#sinceMs = grown(this.#sinceMs, new Float64Array(capacity));
    this.#openedMs = grown(this.#openedMs, new Uint32Array(capacity));
    while (this.#requests.length < capacity) this.#requests.push(null);
  }
}
