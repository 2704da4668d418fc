// A path between node and hub that can stand still and then flow slowly towards the hub, for tests of bytes that are still under way when a
// node stops. It changes no byte, and passes the end or reset of one side to the other in order.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const PIECE_BYTES = 65_536;
const PIECE_EVERY_MS = 2;

export class SlowPath {
  readonly port: number;
  readonly #server: Server;
  readonly #devices = new Set<Socket>();
  #still = false;

  private constructor(server: Server, hubPort: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (device) => this.#serve(device, hubPort));
  }

  static start(hubPort: number): Promise<SlowPath> {
    const server = createServer({ allowHalfOpen: true });
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(new SlowPath(server, hubPort)));
    });
  }

  /** From now on nothing of the node is read. */
  stand(): void {
    this.#still = true;
  }

  flow(): void {
    this.#still = false;
  }

  #serve(device: Socket, hubPort: number): void {
    const hub = connect({ port: hubPort, host: '127.0.0.1', allowHalfOpen: true });
    this.#devices.add(device);
    device.pause();
    const timer = setInterval(() => {
      if (this.#still || hub.writableNeedDrain) return;
      const piece = device.read(Math.min(PIECE_BYTES, device.readableLength)) as Buffer | null;
      if (piece !== null) hub.write(piece);
      else device.read(0);
    }, PIECE_EVERY_MS);
    hub.on('data', (data: Buffer) => device.write(data));
    device.on('end', () => hub.end());
    hub.on('end', () => device.end());
    for (const [socket, other] of [
      [device, hub],
      [hub, device],
    ] as const) {
      socket.on('error', () => other.resetAndDestroy());
      socket.on('close', () => {
        if (socket === device) clearInterval(timer);
      });
    }
  }

  close(): void {
    this.#server.close();
    for (const device of this.#devices) device.destroy();
  }
}
