// The bench's end of a load process: starts it, gives it orders, waits for its news. The other end is controlLine.ts.

import { createServer, type Server, type Socket } from 'node:net';
import { extname, join } from 'node:path';
import { type Child, startWrapped } from '../machine/child.ts';
import type { Site } from '../peers/peer.ts';
import type {
  Address,
  ClientNews,
  ClientOrder,
  Load,
  OriginNews,
  OriginOrder,
  Tally,
  Way,
} from './orders.ts';

export class LoadProcess<Order, News extends { readonly news: string }> {
  readonly child: Child;
  readonly #server: Server;
  readonly #socket: Socket;
  #text = '';
  #news: News[] = [];
  #wake: (() => void) | null = null;

  private constructor(child: Child, server: Server, socket: Socket) {
    this.child = child;
    this.#server = server;
    this.#socket = socket;
    socket.setEncoding('utf8').setNoDelay(true);
    socket.on('data', (text: string) => this.#hear(text));
    socket.on('error', () => {});
    socket.on('close', () => this.#wake?.());
  }

  static async start<Order, News extends { readonly news: string }>(
    name: string,
    script: string,
    args: readonly string[],
    wrap: readonly string[] = [],
    host = '127.0.0.1',
  ): Promise<LoadProcess<Order, News>> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    const { port } = server.address() as { port: number };
    // .ts in the checkout, .js in the published package.
    const path = join(import.meta.dirname, `${script}${extname(import.meta.filename)}`);
    const child = startWrapped(name, wrap, process.execPath, [
      '--disable-warning=ExperimentalWarning',
      path,
      `${host}:${port}`,
      ...args,
    ]);
    const socket = await new Promise<Socket>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the ${name} process did not start:\n${child.output()}`)),
        20_000,
      );
      server.once('connection', (conn) => {
        clearTimeout(timer);
        resolve(conn);
      });
    });
    return new LoadProcess<Order, News>(child, server, socket);
  }

  #hear(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) this.#news.push(JSON.parse(line) as News);
    this.#wake?.();
  }

  order(order: Order): void {
    this.#socket.write(`${JSON.stringify(order)}\n`);
  }

  /** The next news that `fits`; throws on a fault, when the process ends, and after `timeoutMs`. */
  async await(what: string, timeoutMs: number, fits: (news: News) => boolean): Promise<News> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const fault = this.#news.find((news) => news.news === 'fault');
      if (fault !== undefined) throw new Error(`${this.child.name}: ${JSON.stringify(fault)}`);
      const at = this.#news.findIndex(fits);
      if (at >= 0) return this.#news.splice(at, 1)[0]!;
      if (this.#socket.destroyed)
        throw new Error(`the ${this.child.name} process ended:\n${this.child.output()}`);
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`${what}: nothing after ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The process ends itself when its control connection does. */
  async stop(): Promise<void> {
    this.#socket.destroy();
    this.#server.close();
    await this.child.stop();
  }
}

export interface Origin {
  readonly process: LoadProcess<OriginOrder, OriginNews>;
  readonly addresses: readonly Address[];
}

/** An origin on the addresses of its site, each with a port of its own. */
export async function startOrigin({ originHosts, farCommand, controlHost }: Site): Promise<Origin> {
  const origin = await LoadProcess.start<OriginOrder, OriginNews>(
    'origin',
    'origin',
    originHosts,
    farCommand,
    controlHost,
  );
  const news = await origin.await('listening', 10_000, (news) => news.news === 'listening');
  if (news.news !== 'listening') throw new Error('unreachable');
  return { process: origin, addresses: news.addresses };
}

/** The client process, with one call per order. */
export class Client {
  readonly process: LoadProcess<ClientOrder, ClientNews>;

  constructor(process: LoadProcess<ClientOrder, ClientNews>) {
    this.process = process;
  }

  static async start(): Promise<Client> {
    return new Client(await LoadProcess.start<ClientOrder, ClientNews>('client', 'client', []));
  }

  async open(group: string, way: Way, streams: number, load: Load, timeoutMs: number): Promise<Tally> {
    this.process.order({ do: 'open', group, way, streams, load });
    return this.#tally(group, 'opened', timeoutMs);
  }

  go(group: string): void {
    this.process.order({ do: 'go', group });
  }

  done(group: string, timeoutMs: number): Promise<Tally> {
    return this.#tally(group, 'done', timeoutMs);
  }

  look(group: string): Promise<Tally> {
    this.process.order({ do: 'look', group });
    return this.#tally(group, 'so far', 30_000);
  }

  /** What was recorded so far; latencies begin anew. */
  forget(group: string): Promise<Tally> {
    this.process.order({ do: 'forget', group });
    return this.#tally(group, 'so far', 30_000);
  }

  async stop(group: string): Promise<Tally> {
    this.process.order({ do: 'stop', group });
    return this.#tally(group, 'done', 30_000);
  }

  close(group: string): Promise<Tally> {
    this.process.order({ do: 'close', group });
    return this.#tally(group, 'closed', 60_000);
  }

  async #tally(group: string, kind: ClientNews['news'], timeoutMs: number): Promise<Tally> {
    const news = await this.process.await(
      `${group}: ${kind}`,
      timeoutMs,
      (news) => news.news === kind && 'group' in news && news.group === group,
    );
    if (!('tally' in news)) throw new Error('unreachable');
    return news.tally;
  }
}
