// Opens streams to the origin, straight or through a SOCKS5 proxy (RFC 1928, no credentials), and hands each to its owner once it carries
// bytes.

import { IpAddress } from '../../src/base/ipAddress.ts';
import { type ConnHandler, type ConnId, END, type Reactor, WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import type { Address, Way } from './orders.ts';

const CONNECT_TIMEOUT_MS = 60_000;
const GREETING = [5, 1, 0];

export interface StreamOwner extends ConnHandler {
  onStream(conn: ConnId, tag: number): void;
  onNoStream(tag: number, why: string): void;
}

interface Dial {
  readonly owner: StreamOwner;
  readonly tag: number;
  readonly target: Address;
  /** Of the proxy's current answer: the bytes that came, and how many it has. */
  answer: number[];
  wanted: number;
  stage: 'method' | 'reply' | 'bound';
}

export class Dialler implements ConnHandler {
  readonly #reactor: Reactor;
  readonly #slab;
  readonly #dials = new Map<ConnId, Dial>();

  constructor(reactor: Reactor) {
    this.#reactor = reactor;
    this.#slab = reactor.slab(256);
  }

  /** The answer comes in a later turn. `nth` chooses among the targets. */
  open(way: Way, nth: number, owner: StreamOwner, tag: number): void {
    const target = way.targets[nth % way.targets.length]!;
    const { host, port } = way.proxy ?? target;
    const conn = this.#reactor.connect(
      IpAddress.of(host),
      port,
      CONNECT_TIMEOUT_MS,
      this,
      way.proxy === null ? 0 : 1,
    );
    this.#dials.set(conn, { owner, tag, target, answer: [], wanted: 2, stage: 'method' });
  }

  onConnected(conn: ConnId, throughProxy: number): void {
    const dial = this.#dials.get(conn)!;
    if (throughProxy === 0) {
      this.#opened(conn, dial);
      return;
    }
    this.#slab.bytes.set(GREETING);
    this.#say(conn, GREETING.length);
  }

  onReadable(conn: ConnId): void {
    const dial = this.#dials.get(conn)!;
    // Never past the proxy's own answer: what follows belongs to the stream's owner.
    const count = this.#reactor.read(conn, this.#slab, 0, dial.wanted - dial.answer.length);
    if (count === WOULD_BLOCK) return;
    if (count <= END) {
      this.#failed(conn, dial, count === END ? 'the proxy closed the connection' : `errno ${-count}`);
      return;
    }
    for (let i = 0; i < count; i++) dial.answer.push(this.#slab.bytes[i]!);
    if (dial.answer.length < dial.wanted) return;
    const answer = dial.answer;
    dial.answer = [];
    this.#answered(conn, dial, answer);
  }

  #answered(conn: ConnId, dial: Dial, answer: readonly number[]): void {
    if (dial.stage === 'bound') {
      this.#opened(conn, dial);
    } else if (dial.stage === 'method') {
      if (answer[0] !== 5 || answer[1] !== 0) {
        this.#failed(conn, dial, `the proxy wants method ${answer[1]}`);
        return;
      }
      dial.stage = 'reply';
      dial.wanted = 4;
      const octets = dial.target.host.split('.').map(Number);
      this.#slab.bytes.set([5, 1, 0, 1, ...octets, dial.target.port >>> 8, dial.target.port & 0xff]);
      this.#say(conn, 10);
    } else if (answer[1] !== 0) {
      this.#failed(conn, dial, `SOCKS reply ${answer[1]}`);
    } else {
      dial.stage = 'bound';
      dial.wanted = answer[3] === 4 ? 18 : 6;
      this.onReadable(conn);
    }
  }

  #say(conn: ConnId, length: number): void {
    if (this.#reactor.write(conn, this.#slab, 0, length) !== length) {
      this.#failed(conn, this.#dials.get(conn)!, 'the proxy takes no bytes');
    }
  }

  #opened(conn: ConnId, dial: Dial): void {
    this.#dials.delete(conn);
    this.#reactor.attach(conn, dial.owner, dial.tag);
    dial.owner.onStream(conn, dial.tag);
  }

  #failed(conn: ConnId, dial: Dial, why: string): void {
    this.#dials.delete(conn);
    this.#reactor.close(conn);
    dial.owner.onNoStream(dial.tag, why);
  }

  onConnectFailed(conn: ConnId, _tag: number, errno: number): void {
    const dial = this.#dials.get(conn)!;
    this.#dials.delete(conn);
    dial.owner.onNoStream(dial.tag, `connect: errno ${errno}`);
  }

  onWritable(): void {}

  onBroken(conn: ConnId, _tag: number, errno: number): void {
    this.#failed(conn, this.#dials.get(conn)!, `errno ${errno}`);
  }
}
