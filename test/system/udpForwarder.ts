// Lets programs without SOCKS use UDP ASSOCIATE: a local UDP port whose datagrams travel through a hub to one fixed target, and back.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Address } from './harness.ts';
import { UdpClient } from './socksUdp.ts';

export class UdpForwarder {
  /** Of every so many datagrams, in both directions together, one is lost; 0 for none. */
  loseEvery = 0;
  lost = 0;
  /** Why associations were refused. */
  readonly refusals: unknown[] = [];
  /** Datagrams, the lost ones too. */
  #passed = 0;
  readonly #socket: Socket;
  readonly #socks: Address;
  readonly #target: { readonly address: readonly number[]; readonly port: number };
  /** By the program's port: each has an association of its own. */
  readonly #associations = new Map<number, Promise<UdpClient | null>>();

  private constructor(socket: Socket, socks: Address, target: Address) {
    this.#socket = socket;
    this.#socks = socks;
    this.#target = { address: target.host.split('.').map(Number), port: target.port };
    socket.on('message', (data, { port }) => void this.#forward(data, port));
  }

  /** `target`: an IPv4 address. */
  static async start(socks: Address, target: Address): Promise<UdpForwarder> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new UdpForwarder(socket, socks, target);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async #forward(data: Buffer, port: number): Promise<void> {
    let opening = this.#associations.get(port);
    if (opening === undefined) {
      opening = this.#associate(port);
      this.#associations.set(port, opening);
    }
    const client = await opening;
    if (client !== null && !this.#loses()) client.send(this.#target.address, this.#target.port, data);
  }

  async #associate(port: number): Promise<UdpClient | null> {
    try {
      const client = await UdpClient.associate(this.#socks, 'own');
      void this.#bringBack(client, port);
      return client;
    } catch (error) {
      this.refusals.push(error);
      return null;
    }
  }

  /** Waits for ever once the client is closed, and is forgotten with it. */
  async #bringBack(client: UdpClient, port: number): Promise<never> {
    for (;;) {
      const { data } = await client.next();
      if (!this.#loses()) this.#socket.send(data, port, '127.0.0.1');
    }
  }

  #loses(): boolean {
    this.#passed++;
    if (this.loseEvery === 0 || this.#passed % this.loseEvery !== 0) return false;
    this.lost++;
    return true;
  }

  async close(): Promise<void> {
    this.#socket.removeAllListeners('message');
    for (const client of await Promise.all(this.#associations.values())) client?.close();
    this.#socket.close();
  }
}
