// The soak's load on a hub: a crawl (many short connections with log-normal page sizes beside a few long ones), clients that vanish,
// targets that reset. Runs in the test's process.

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Hub } from './harness.ts';
import { patternAt } from './pattern.ts';
import { httpThrough, Refused, Stream } from './stream.ts';
import { sendPattern } from './target.ts';

const PAGE_MEDIAN_BYTES = 20_000;
const PAGE_SIGMA = 1.5;
const PAGE_MAX_BYTES = 4_000_000;
/** A request that takes longer than every deadline of the engine on its way hangs. */
const HUNG_MS = 120_000;
const LONG_PAUSE_MS = 200;
/** After a refusal, as a crawler would. */
const REST_MS = 50;

export interface Tally {
  whole: number;
  /** The answer said so, or the connection was cut: what faults do. */
  failed: number;
  vanished: number;
  reset: number;
  hung: number;
  damaged: number;
  bytes: number;
}

/** Two ports: `page N`, `reset N` (N bytes and RST) and `echo` over TCP; /N over HTTP. */
export class SoakTargets {
  readonly port: number;
  readonly httpPort: number;
  readonly open = new Set<Socket>();
  readonly #servers: Server[];

  private constructor(tcp: Server, http: Server) {
    this.port = (tcp.address() as AddressInfo).port;
    this.httpPort = (http.address() as AddressInfo).port;
    this.#servers = [tcp, http];
    for (const server of this.#servers)
      server.on('connection', (socket: Socket) => {
        this.open.add(socket);
        socket.on('close', () => this.open.delete(socket)).on('error', () => {});
      });
    tcp.on('connection', (socket: Socket) => {
      socket.once('data', (data: Buffer) => {
        const lineEnd = data.indexOf('\n');
        const [order, bytes] = data.toString('latin1', 0, lineEnd).split(' ');
        if (order === 'echo') {
          socket.write(data.subarray(lineEnd + 1));
          socket.on('data', (more: Buffer) => socket.write(more));
        } else if (order === 'page') sendPattern(socket, Number(bytes));
        else socket.write(patternAt(0, Number(bytes)), () => socket.resetAndDestroy());
      });
    });
  }

  static async start(): Promise<SoakTargets> {
    const tcp = createServer();
    const http = createHttpServer((request, response) => {
      response.end(Buffer.alloc(Number(request.url!.slice(1)), 'h'));
    });
    for (const server of [tcp, http]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return new SoakTargets(tcp, http);
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.open) socket.destroy();
  }
}

export class SoakLoad {
  readonly tally: Tally = { whole: 0, failed: 0, vanished: 0, reset: 0, hung: 0, damaged: 0, bytes: 0 };
  readonly #hub: Hub;
  readonly #targets: SoakTargets;
  #stopping = false;
  readonly #running: Promise<void>[] = [];

  constructor(hub: Hub, targets: SoakTargets) {
    this.#hub = hub;
    this.#targets = targets;
  }

  start(crawlers: number, longOnes: number): void {
    for (let at = 0; at < crawlers; at++) this.#running.push(this.#crawl());
    for (let at = 0; at < longOnes; at++) this.#running.push(this.#trickle());
  }

  /** Resolves when the last of them has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
  }

  async #crawl(): Promise<void> {
    while (!this.#stopping) {
      const dice = Math.random();
      const once =
        dice < 0.2
          ? this.#overHttp()
          : dice < 0.9
            ? this.#overSocks()
            : dice < 0.95
              ? this.#vanish()
              : this.#beReset();
      await this.#counted(once);
    }
  }

  async #counted(request: Promise<keyof Tally>): Promise<void> {
    const gaveUp = new AbortController();
    const hung = delay(HUNG_MS, 'hung' as const, { signal: gaveUp.signal }).catch(() => 'hung' as const);
    try {
      this.tally[await Promise.race([request, hung])]++;
    } catch (error) {
      this.tally.failed++;
      if (error instanceof Refused) await delay(REST_MS);
    } finally {
      gaveUp.abort();
    }
  }

  #open(order: string): Promise<Stream> {
    return Stream.open(this.#hub.socks, this.#targets.port, order);
  }

  async #overSocks(): Promise<keyof Tally> {
    const bytes = pageBytes();
    const stream = await this.#open(`page ${bytes}`);
    const how = await stream.over;
    this.tally.bytes += stream.received;
    if (stream.damaged || (how === 'end' && stream.received > bytes)) return 'damaged';
    return how === 'end' && stream.received === bytes ? 'whole' : 'failed';
  }

  async #overHttp(): Promise<keyof Tally> {
    const bytes = pageBytes();
    const { status, body } = await httpThrough(
      this.#hub.http,
      `http://127.0.0.1:${this.#targets.httpPort}/${bytes}`,
    );
    this.tally.bytes += body.length;
    return status === 200 && body.length === bytes ? 'whole' : 'failed';
  }

  async #vanish(): Promise<keyof Tally> {
    const stream = await this.#open(`page ${PAGE_MAX_BYTES}`);
    await Promise.race([once(stream.socket, 'data'), stream.over]);
    if (Math.random() < 0.5) stream.socket.destroy();
    else stream.socket.resetAndDestroy();
    return 'vanished';
  }

  async #beReset(): Promise<keyof Tally> {
    const stream = await this.#open(`reset ${1 + Math.floor(Math.random() * 50_000)}`);
    await stream.over;
    return 'reset';
  }

  /** A long connection with a little to say now and then; a new one when it is cut. */
  async #trickle(): Promise<void> {
    while (!this.#stopping) {
      await this.#counted(this.#chat());
    }
  }

  async #chat(): Promise<keyof Tally> {
    const stream = await this.#open('echo');
    let over = false;
    void stream.over.then(() => {
      over = true;
    });
    const untilMs = performance.now() + HUNG_MS / 2;
    let sent = 0;
    while (!this.#stopping && !over && performance.now() < untilMs) {
      stream.socket.write(patternAt(sent, 1_000));
      sent += 1_000;
      await delay(LONG_PAUSE_MS);
    }
    stream.socket.destroy();
    if (stream.damaged) return 'damaged';
    return over ? 'failed' : 'whole';
  }
}

/** Log-normal, by Box and Muller. */
function pageBytes(): number {
  const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return Math.min(PAGE_MAX_BYTES, Math.max(1, Math.round(PAGE_MEDIAN_BYTES * Math.exp(PAGE_SIGMA * normal))));
}
