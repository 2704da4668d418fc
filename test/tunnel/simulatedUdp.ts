// The datagram part of a simulated side: associations that open, talk and are given up at any time. What arrives must be whole, of the
// right association and in order; what is missing was dropped for want of room.

import type { Session } from '../../src/tunnel/session.ts';
import { datagramPayload } from './framesTwin.ts';
import type { Random } from './simulation.ts';

const ASSOCIATIONS_MAX = 4;
const DATA_MAX_BYTES = 60_000;
const FIXED_BYTES = 8;

interface Association {
  readonly slot: number;
  answered: boolean;
  /** Number of the association: port of its datagrams. -1: not heard yet, on the node. */
  number: number;
  sent: number;
  /** Number of the last datagram that came. */
  received: number;
}

export class SimulatedUdp {
  readonly open = new Map<number, Association>();
  delivered = 0;
  readonly #session: () => Session;
  readonly #random: Random;
  readonly #fromHub: boolean;
  #opened = 0;

  constructor(session: () => Session, random: Random, fromHub: boolean) {
    this.#session = session;
    this.#random = random;
    this.#fromHub = fromHub;
  }

  /** Something, drawn at random. */
  act(): void {
    const one = this.#random.pick([...this.open.values()]);
    if (this.#fromHub && this.open.size < ASSOCIATIONS_MAX && (one === undefined || this.#random.chance(4))) {
      const number = 1 + (this.#opened++ % 60_000);
      const slot = this.#session().openUdp();
      this.open.set(slot, { slot, answered: false, number, sent: 0, received: 0 });
      return;
    }
    if (one === undefined) return;
    if (!one.answered) {
      if (!this.#fromHub) this.#answer(one);
    } else if (this.#random.chance(30)) this.abort(one);
    else if (one.number >= 0) for (let n = this.#random.below(12); n >= 0; n--) this.#send(one);
  }

  #answer(one: Association): void {
    if (this.#random.chance(10)) {
      this.open.delete(one.slot);
      this.#session().refuse(one.slot, 9);
      return;
    }
    one.answered = true;
    this.#session().accept(one.slot);
  }

  abort(one: Association): void {
    this.open.delete(one.slot);
    this.#session().abort(one.slot);
  }

  abortAll(): void {
    for (const one of [...this.open.values()]) this.abort(one);
  }

  #send(one: Association): void {
    const session = this.#session();
    const data = new Uint8Array(
      FIXED_BYTES + this.#random.size(this.#random.chance(8) ? DATA_MAX_BYTES : 1_000),
    );
    new DataView(data.buffer).setUint32(0, ++one.sent);
    new DataView(data.buffer).setUint32(4, data.length);
    data.fill(one.sent & 0xff, FIXED_BYTES);
    const named = this.#fromHub && this.#random.chance(3);
    const payload = datagramPayload(named ? 'udp.test' : [192, 0, 2, 1], one.number, data);
    const dropped = session.counters.datagramsDropped;
    const sent = session.sendDatagram(one.slot, payload, 0, payload.length);
    if (session.counters.datagramsDropped !== dropped + (sent ? 0 : 1))
      throw new Error('a drop was not counted');
  }

  // --- Events --------------------------------------------------------------------------------------------------------------------

  onUdpOpen(slot: number): void {
    const one = { slot, answered: false, number: -1, sent: 0, received: 0 };
    this.open.set(slot, one);
    if (this.#random.chance(2)) this.#answer(one);
  }

  onConnectOk(slot: number): void {
    this.open.get(slot)!.answered = true;
  }

  /** True when the slot was an association's. */
  onGone(slot: number): boolean {
    return this.open.delete(slot);
  }

  onDatagram(slot: number, offset: number, length: number, headerBytes: number): void {
    const one = this.open.get(slot);
    if (one === undefined || !one.answered)
      throw new Error(`a datagram for slot ${slot}, which has no association`);
    const { view, bytes } = this.#session().inbound.slab;
    const at = view.byteOffset + offset;
    const port = view.getUint16(at + headerBytes - 2);
    if (one.number < 0) one.number = port;
    if (one.number !== port) throw new Error(`a datagram of association ${port} came to ${one.number}`);
    const number = view.getUint32(at + headerBytes);
    if (number <= one.received) throw new Error(`datagram ${number} came behind ${one.received}`);
    one.received = number;
    const data = bytes.subarray(offset + headerBytes, offset + length);
    if (view.getUint32(at + headerBytes + 4) !== data.length) throw new Error('a datagram was cut');
    if (data.some((byte, index) => index >= FIXED_BYTES && byte !== (number & 0xff)))
      throw new Error('a datagram came with wrong bytes');
    this.delivered++;
  }
}
