// What systemd is towards a service: a Unix datagram socket, and what came to it. Node has no module for that, so through libc.

import { AF_UNIX, loadLibc, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from '../../src/reactor/libc.ts';

const PATH_OFFSET = 2;
const POLL_MS = 5;

export class NotifySocket {
  /** Every datagram, oldest first. */
  readonly received: string[] = [];
  readonly #fd: number;
  readonly #timer: NodeJS.Timeout;

  /** null where there is no libc to call. `path` begins with @ for a name in the abstract namespace. */
  static bind(path: string): NotifySocket | null {
    return loadLibc() === null ? null : new NotifySocket(path);
  }

  private constructor(path: string) {
    const libc = loadLibc()!;
    const memory = new Uint8Array(new ArrayBuffer(4_096));
    const name = Buffer.from(path);
    if (path.startsWith('@')) name[0] = 0;
    memory[0] = AF_UNIX;
    memory.set(name, PATH_OFFSET);
    const address = libc.addressOf(memory);
    this.#fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (libc.bind(this.#fd, address, PATH_OFFSET + name.length) !== 0) throw new Error(`cannot bind ${path}`);
    this.#timer = setInterval(() => {
      for (;;) {
        const length = libc.recv(this.#fd, address, memory.length, 0);
        if (length < 0) return;
        this.received.push(Buffer.from(memory.subarray(0, length)).toString());
      }
    }, POLL_MS);
  }

  /** How many datagrams hold this line. */
  count(line: string): number {
    return this.received.filter((text) => text.split('\n').includes(line)).length;
  }

  close(): void {
    clearInterval(this.#timer);
    loadLibc()!.close(this.#fd);
  }
}
