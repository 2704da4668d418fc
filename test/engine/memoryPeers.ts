// Clients and targets on a reactor without sockets.

import { IpAddress } from '../../src/base/ipAddress.ts';
import type { ConnHandler, ConnId, ListenHandler } from '../../src/reactor/reactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST } from './rig.ts';

/** Says what it is given, and hears what comes. */
export class Client implements ConnHandler {
  heard = '';
  over = false;
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(262_144);
  #unsent: Buffer;
  readonly conn: ConnId;

  constructor(net: MemoryReactor, port: number, text: string) {
    this.#net = net;
    this.#unsent = Buffer.from(text, 'latin1');
    this.conn = net.connect(IpAddress.of(HOST), port, 1_000, this, 0);
  }

  say(text: string): void {
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(text, 'latin1')]);
    this.onWritable();
  }

  get hasSaidAll(): boolean {
    return this.#unsent.length === 0;
  }

  onConnected(): void {
    this.onWritable();
  }

  onWritable(): void {
    while (this.#unsent.length > 0) {
      const bytes = this.#unsent.subarray(0, this.#slab.bytes.length);
      this.#slab.bytes.set(bytes);
      const taken = this.#net.write(this.conn, this.#slab, 0, bytes.length);
      if (taken <= 0) return;
      this.#unsent = this.#unsent.subarray(taken);
    }
  }

  onReadable(conn: ConnId): void {
    const read = this.#net.read(conn, this.#slab, 0, this.#slab.bytes.length);
    if (read > 0) this.heard += Buffer.from(this.#slab.bytes.subarray(0, read)).toString('latin1');
    else this.end();
  }

  onBroken(): void {
    this.end();
  }

  end(): void {
    this.over = true;
    this.#net.close(this.conn);
  }

  onConnectFailed(): void {}
}

/** Reads all and never answers. */
export class Silent implements ListenHandler, ConnHandler {
  bytes = 0;
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(65_536);

  constructor(net: MemoryReactor) {
    this.#net = net;
    net.listen(HOST, 80, this);
  }

  onAccept(conn: ConnId): void {
    this.#net.attach(conn, this, 0);
  }

  onReadable(conn: ConnId): void {
    const read = this.#net.read(conn, this.#slab, 0, this.#slab.bytes.length);
    if (read > 0) this.bytes += read;
    else if (read === 0) this.#net.close(conn);
  }

  onBroken(conn: ConnId): void {
    this.#net.close(conn);
  }

  onWritable(): void {}
  onConnected(): void {}
  onConnectFailed(): void {}
  onListening(): void {}
  onListenFailed(): void {}
  onAcceptFailed(): void {}
}
