// How a load process gets its orders: lines of JSON over a loopback connection on its own reactor, since a thread blocked in epoll_wait
// sees no process messages. The other end is loadProcess.ts.

import { IpAddress } from '../../src/base/ipAddress.ts';
import { END, type Reactor, WOULD_BLOCK } from '../../src/reactor/reactor.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const LINE_MAX_BYTES = 1 << 20;

export class ControlLine<Order, News> {
  readonly #reactor: Reactor;
  readonly #conn: number;
  readonly #onOrder: (order: Order) => void;
  readonly #slab;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  #text = '';
  #waiting: Uint8Array[] = [];
  #connected = false;

  /** Dials the bench at `address`, host:port. When that end goes away, so does this process. */
  constructor(reactor: Reactor, address: string, onOrder: (order: Order) => void) {
    this.#reactor = reactor;
    this.#onOrder = onOrder;
    this.#slab = reactor.slab(65_536);
    const colon = address.lastIndexOf(':');
    const host = IpAddress.of(address.slice(0, colon));
    this.#conn = reactor.connect(host, Number(address.slice(colon + 1)), CONNECT_TIMEOUT_MS, this, 0);
  }

  tell(news: News): void {
    this.#waiting.push(this.#encoder.encode(`${JSON.stringify(news)}\n`));
    if (this.#connected) this.onWritable();
  }

  onConnected(): void {
    this.#connected = true;
    this.onWritable();
  }

  onConnectFailed(): void {
    this.#reactor.stop();
  }

  onReadable(): void {
    for (;;) {
      const count = this.#reactor.read(this.#conn, this.#slab, 0, this.#slab.bytes.length);
      if (count === WOULD_BLOCK) return;
      if (count <= END) {
        this.#reactor.stop();
        return;
      }
      this.#text += this.#decoder.decode(this.#slab.bytes.subarray(0, count), { stream: true });
      if (this.#text.length > LINE_MAX_BYTES) throw new Error('an order without end');
      const lines = this.#text.split('\n');
      this.#text = lines.pop() ?? '';
      for (const line of lines) this.#onOrder(JSON.parse(line) as Order);
    }
  }

  onWritable(): void {
    while (this.#waiting.length > 0) {
      const news = this.#waiting[0]!;
      const piece = news.subarray(0, this.#slab.bytes.length);
      this.#slab.bytes.set(piece);
      const count = this.#reactor.write(this.#conn, this.#slab, 0, piece.length);
      if (count < 0) {
        this.#reactor.stop();
        return;
      }
      if (count === news.length) this.#waiting.shift();
      else this.#waiting[0] = news.subarray(count);
      if (count < piece.length) return;
    }
  }

  onBroken(): void {
    this.#reactor.stop();
  }
}
