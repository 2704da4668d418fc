// The origin of every benchmark, a process of its own: answers requests of announced lengths with bytes of the pattern, and verifies
// theirs. Started by loadProcess.ts as `node origin.ts CONTROL_ADDRESS ADDRESS...`.

import { ringDoorbell } from '../../src/reactor/doorbell.ts';
import { EpollReactor } from '../../src/reactor/epoll/epollReactor.ts';
import { type ConnId, END, type ListenerId, WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import { ControlLine } from './controlLine.ts';
import { HEAD_BYTES, readHead } from './head.ts';
import type { Address, OriginNews, OriginOrder } from './orders.ts';
import { Pattern, PIECE_BYTES } from './pattern.ts';

/** Bytes sent or received on one connection before the others have their turn. */
const QUANTUM_BYTES = 2 * PIECE_BYTES;

interface Served {
  readonly conn: ConnId;
  /** Its first bytes; null once they were read as the head. */
  head: Uint8Array | null;
  headBytes: number;
  key: number;
  requestBytes: number;
  responseBytes: number;
  /** Of the request under way. */
  requestLeft: number;
  received: number;
  responseLeft: number;
  sent: number;
  queued: boolean;
  ended: boolean;
}

class Origin {
  readonly #reactor = new EpollReactor();
  readonly #pattern = new Pattern(this.#reactor);
  readonly #slab = this.#reactor.slab(PIECE_BYTES);
  readonly #buffer = Buffer.from(this.#slab.bytes.buffer);
  readonly #line: ControlLine<OriginOrder, OriginNews>;
  readonly #served = new Map<ConnId, Served>();
  readonly #addresses: Address[] = [];
  #awaited: number;
  /** Those with more to send than one turn allows. */
  #sending: Served[] = [];
  #accepted = 0;
  #bytesReceived = 0;
  #bytesSent = 0;
  #wrong = 0;

  constructor(controlAddress: string, addresses: readonly string[]) {
    this.#line = new ControlLine(this.#reactor, controlAddress, () => this.#look());
    this.#reactor.onFault((error) => this.#line.tell({ news: 'fault', text: String(error) }));
    this.#reactor.onDoorbell(this);
    this.#awaited = addresses.length;
    for (const address of addresses) this.#reactor.listen(address, 0, this);
  }

  run(): void {
    this.#reactor.run();
  }

  onListening(_listener: ListenerId, host: string, port: number): void {
    this.#addresses.push({ host, port });
    if (--this.#awaited === 0) this.#line.tell({ news: 'listening', addresses: this.#addresses });
  }

  onListenFailed(_listener: ListenerId, errno: number): void {
    this.#line.tell({ news: 'fault', text: `the origin cannot listen: errno ${errno}` });
  }

  onAcceptFailed(_listener: ListenerId, errno: number): void {
    this.#line.tell({ news: 'fault', text: `the origin cannot accept: errno ${errno}` });
  }

  onAccept(conn: ConnId): void {
    this.#accepted++;
    this.#served.set(conn, {
      conn,
      head: new Uint8Array(HEAD_BYTES),
      headBytes: 0,
      key: 0,
      requestBytes: 0,
      responseBytes: 0,
      requestLeft: 0,
      received: 0,
      responseLeft: 0,
      sent: 0,
      queued: false,
      ended: false,
    });
    this.#reactor.attach(conn, this, 0);
  }

  onReadable(conn: ConnId): void {
    const served = this.#served.get(conn)!;
    for (let read = 0; read < QUANTUM_BYTES; ) {
      const count = this.#reactor.read(conn, this.#slab, 0, PIECE_BYTES);
      if (count === WOULD_BLOCK) return;
      if (count === END) {
        served.ended = true;
        if (served.responseLeft === 0) this.#close(served);
        return;
      }
      if (count < 0) {
        this.#close(served);
        return;
      }
      read += count;
      if (!this.#take(served, count)) {
        this.#wrong++;
        this.#reactor.reset(conn);
        this.#served.delete(conn);
        return;
      }
      if (count < PIECE_BYTES) return;
    }
  }

  /** `count` bytes at the front of the slab; false when they are not what was announced. */
  #take(served: Served, count: number): boolean {
    let at = 0;
    if (served.head !== null) {
      at = Math.min(count, HEAD_BYTES - served.headBytes);
      served.head.set(this.#slab.bytes.subarray(0, at), served.headBytes);
      served.headBytes += at;
      if (served.headBytes < HEAD_BYTES) return true;
      const head = readHead(new DataView(served.head.buffer), 0);
      if (head === null) return false;
      served.head = null;
      served.key = head.key;
      served.requestBytes = head.requestBytes;
      served.responseBytes = head.responseBytes;
      served.requestLeft = head.requestBytes;
      if (head.requestBytes === 0) this.#respond(served);
    }
    while (at < count) {
      const length = Math.min(count - at, served.requestLeft);
      if (length === 0) return false;
      if (!this.#pattern.matches(served.key, served.received, this.#buffer, at, length)) return false;
      at += length;
      served.received += length;
      served.requestLeft -= length;
      this.#bytesReceived += length;
      if (served.requestLeft === 0) {
        served.requestLeft = served.requestBytes;
        this.#respond(served);
      }
    }
    return true;
  }

  #respond(served: Served): void {
    served.responseLeft += served.responseBytes;
    if (!served.queued) this.#send(served);
  }

  #send(served: Served): void {
    for (let sent = 0; served.responseLeft > 0; ) {
      if (sent >= QUANTUM_BYTES) {
        served.queued = true;
        this.#sending.push(served);
        if (this.#sending.length === 1) ringDoorbell(this.#reactor.doorbell);
        return;
      }
      const length = Math.min(served.responseLeft, PIECE_BYTES);
      const offset = this.#pattern.offset(served.key, served.sent);
      const count = this.#reactor.write(served.conn, this.#pattern.slab, offset, length);
      if (count < 0) {
        this.#close(served);
        return;
      }
      sent += count;
      served.sent += count;
      served.responseLeft -= count;
      this.#bytesSent += count;
      if (count < length) return;
    }
    if (served.ended) this.#close(served);
  }

  onDoorbell(): void {
    const sending = this.#sending;
    this.#sending = [];
    for (const served of sending) {
      served.queued = false;
      if (this.#served.has(served.conn)) this.#send(served);
    }
  }

  onWritable(conn: ConnId): void {
    const served = this.#served.get(conn)!;
    if (!served.queued) this.#send(served);
  }

  onBroken(conn: ConnId): void {
    this.#close(this.#served.get(conn)!);
  }

  onConnected(): void {}
  onConnectFailed(): void {}

  #close(served: Served): void {
    this.#served.delete(served.conn);
    this.#reactor.close(served.conn);
  }

  #look(): void {
    this.#line.tell({
      news: 'so far',
      connections: this.#served.size,
      accepted: this.#accepted,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      wrong: this.#wrong,
    });
  }
}

new Origin(process.argv[2]!, process.argv.slice(3)).run();
process.exit(0);
