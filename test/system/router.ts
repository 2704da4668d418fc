// A router that remembers connections, between a node and its hub.

import { connect, createServer, type Server, type Socket } from 'node:net';

/** Passes connections on. One that it forgot lets nothing through to the node any more, not even its end. */
export class Router {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #towardsNode: Socket[] = [];
  readonly #mute = new Set<Socket>();

  static async start(host: string, hubPort: number): Promise<Router> {
    const server = createServer({ allowHalfOpen: true });
    const router = new Router(server, host, hubPort);
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return router;
  }

  private constructor(server: Server, host: string, hubPort: number) {
    this.#server = server;
    server.on('connection', (node) => {
      const hub = connect({ host, port: hubPort, allowHalfOpen: true });
      for (const socket of [node, hub]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => this.#sockets.delete(socket));
      }
      node.on('data', (data) => {
        if (!this.#mute.has(node)) hub.write(data);
      });
      hub.on('data', (data) => {
        if (!this.#towardsNode.includes(hub)) node.write(data);
      });
      hub.on('close', () => {
        if (!this.#towardsNode.includes(hub)) node.destroy();
      });
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Ends every connection, towards both sides. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  forget(): void {
    this.#towardsNode.push(...this.#sockets);
  }

  /** What has connected so far hears nothing any more, in either direction, though somebody acknowledges its bytes. */
  mute(): void {
    this.forget();
    for (const socket of this.#sockets) this.#mute.add(socket);
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
