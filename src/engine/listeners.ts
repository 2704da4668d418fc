// The ports of a hub: accepts clients and strangers, and turns clients away while file descriptors run short.

import { DESCRIPTORS } from '../limits/engine.ts';
import { STRANGER } from '../limits/strangers.ts';
import type { ConnId, ListenerId, ListenHandler, Reactor } from '../reactor/reactor.ts';
import { type DescriptorMarks, descriptorMarks } from './descriptors.ts';
import type { Front } from './front.ts';
import type { Bind, FromFront, ListenerName } from './messages.ts';
import type { Strangers } from './strangers.ts';

export class Listeners implements ListenHandler {
  readonly #reactor: Reactor;
  readonly #front: Front;
  readonly #strangers: Strangers;
  readonly #tell: (message: FromFront) => void;
  readonly #names = new Map<ListenerId, ListenerName>();
  readonly #descriptorLimit: number;
  readonly #marks: DescriptorMarks;
  /** When control last heard that clients are turned away. */
  #reportedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: {
    reactor: Reactor;
    front: Front;
    strangers: Strangers;
    /** Messages for control. */
    tell: (message: FromFront) => void;
    /** RLIMIT_NOFILE, or Infinity. */
    descriptorLimit: number;
  }) {
    this.#reactor = parts.reactor;
    this.#front = parts.front;
    this.#strangers = parts.strangers;
    this.#tell = parts.tell;
    this.#descriptorLimit = parts.descriptorLimit;
    this.#marks = descriptorMarks(parts.descriptorLimit);
  }

  listen(name: ListenerName, { host, port }: Bind): void {
    this.#names.set(this.#reactor.listen(host, port, this), name);
  }

  #nameOf(listener: ListenerId): ListenerName {
    const name = this.#names.get(listener);
    if (name === undefined) throw new Error(`nobody listens as ${listener}`);
    return name;
  }

  onListening(listener: ListenerId, address: string, boundPort: number): void {
    this.#tell({ type: 'listening', name: this.#nameOf(listener), address, port: boundPort });
  }

  onListenFailed(listener: ListenerId, errno: number): void {
    this.#tell({ type: 'listenFailed', name: this.#nameOf(listener), errno });
  }

  onAccept(conn: ConnId, listener: ListenerId): void {
    const name = this.#nameOf(listener);
    const freeDescriptors = this.#descriptorLimit - 1 - this.#reactor.descriptor(conn);
    if (name === 'tunnel' || name === 'tunnelWebSocket') {
      if (freeDescriptors < this.#marks.strangersReplaced) this.#strangers.makeRoom(1);
      this.#strangers.onAccept(conn, name === 'tunnelWebSocket');
      return;
    }
    const refused = freeDescriptors < this.#marks.clientsRefused;
    if (refused) this.#reportRefusal(name);
    if (freeDescriptors < this.#marks.clientsReset) this.#reactor.reset(conn);
    else this.#front.onAccept(conn, name === 'http' ? 'http' : 'socks', refused);
  }

  #reportRefusal(name: ListenerName): void {
    if (this.#reactor.nowMs - this.#reportedMs < DESCRIPTORS.tellEveryMs) return;
    this.#reportedMs = this.#reactor.nowMs;
    this.#tell({ type: 'outOfDescriptors', name, accepting: true });
  }

  /** The reactor accepts on after a moment: until then strangers make room, whichever port it is. */
  onAcceptFailed(listener: ListenerId): void {
    this.#strangers.makeRoom(STRANGER.dropsWithoutDescriptor);
    this.#tell({ type: 'outOfDescriptors', name: this.#nameOf(listener), accepting: false });
  }
}
