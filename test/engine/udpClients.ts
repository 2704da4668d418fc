// Clients of UDP ASSOCIATE and the origin they talk to, on a MemoryReactor.

import { Endpoint } from '../../src/base/endpoint.ts';
import { IpAddress } from '../../src/base/ipAddress.ts';
import type { UdpHandler, UdpId } from '../../src/reactor/datagrams.ts';
import type { ConnHandler, ConnId } from '../../src/reactor/reactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { socksDatagram } from '../system/socksUdp.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST, PORT } from './rig.ts';

const LOOPBACK = [127, 0, 0, 1];
export const ORIGIN_PORT = 53;

/** Answers each datagram with the same behind "re:", or keeps what it heard. */
export class Talker implements UdpHandler {
  readonly heard: string[] = [];
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(65_536);
  readonly #answers: boolean;
  readonly #from = new Endpoint();
  readonly udp: UdpId;

  constructor(net: MemoryReactor, port: number, answers: boolean, address: string = HOST) {
    this.#net = net;
    this.#answers = answers;
    this.udp = net.udp.bind(address, port, this, 0);
  }

  /** Of whom it heard last. */
  get lastPort(): number {
    return this.#from.port;
  }

  send(bytes: Uint8Array, port: number): void {
    const to = new Endpoint();
    to.address.parse(HOST);
    to.port = port;
    this.#slab.bytes.set(bytes);
    this.#net.udp.send(this.udp, this.#slab, 0, bytes.length, to);
  }

  onBound(): void {}
  onBindFailed(): void {}
  onDatagrams(): void {
    for (;;) {
      const length = this.#net.udp.receive(this.udp, this.#slab, 0, 65_536, this.#from);
      if (length < 0) return;
      const data = Buffer.from(this.#slab.bytes.slice(0, length));
      this.heard.push(data.toString('latin1'));
      if (this.#answers) this.send(Buffer.concat([Buffer.from('re:'), data]), this.#from.port);
    }
  }
}

/** Asks for an association. */
export class Client implements ConnHandler {
  readonly heard: number[] = [];
  over = false;
  readonly udp: Talker;
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(1_024);
  readonly conn: ConnId;

  constructor(net: MemoryReactor) {
    this.#net = net;
    this.udp = new Talker(net, 0, false);
    this.conn = net.connect(IpAddress.of(HOST), PORT.socks, 1_000, this, 0);
  }

  get port(): number {
    return this.heard[10]! * 256 + this.heard[11]!;
  }

  get reply(): number | undefined {
    return this.heard[3];
  }

  /** `to`: a name or the four bytes of an address. */
  send(text: string, to: string | number[] = LOOPBACK): void {
    this.udp.send(socksDatagram(to, ORIGIN_PORT, text), this.port);
  }

  onConnected(): void {
    this.#slab.bytes.set([5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
    this.#net.write(this.conn, this.#slab, 0, 13);
  }

  onReadable(): void {
    const read = this.#net.read(this.conn, this.#slab, 0, 1_024);
    if (read > 0) this.heard.push(...this.#slab.bytes.subarray(0, read));
    else this.end();
  }

  onBroken(): void {
    this.end();
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    this.#net.close(this.conn);
    this.#net.udp.close(this.udp.udp);
  }

  onWritable(): void {}
  onConnectFailed(): void {}
}
