// The system of a reactor that rehearses: its connections are pairs of anonymous sockets within this thread. Nothing is bound, listened on
// or dialled, and no byte leaves; all other calls are the real ones.

import type { Slab } from '../../base/slab.ts';
import { NoDescriptorError } from '../errno.ts';
import { copyOf, type Libc, MSG_NOSIGNAL, openSocketPair, SO_ERROR, SOL_SOCKET } from '../libc.ts';

const SCRATCH_BYTES = 4_096;

interface Listening {
  /** What is sent here makes the listener readable. */
  readonly bell: number;
  readonly arriving: number[];
}

export class PairedSockets {
  /** For the reactor. */
  readonly libc: Libc;
  /** Far ends of what the reactor has dialled, the oldest first. Whoever takes one closes it. */
  readonly dialled: number[] = [];
  readonly #real: Libc;
  readonly #scratch: Slab;
  /** In place of the real calls, by turns. */
  readonly #calls: Partial<Libc>;
  readonly #others: Partial<Libc>;
  #isOther = false;
  /** Far ends of sockets that were made, until it is known what for. */
  readonly #made = new Map<number, number>();
  readonly #listening = new Map<number, Listening>();
  /** The reactor asked for a socket, and there was no descriptor for it. */
  #ranOut = false;

  /** Throws Error where there is no epoll reactor either. */
  constructor(real: Libc | null) {
    if (real === null) throw new Error('paired sockets need Linux and koffi');
    const bytes = new Uint8Array(new ArrayBuffer(SCRATCH_BYTES));
    this.#scratch = { bytes, view: new DataView(bytes.buffer), address: real.addressOf(bytes) };
    this.#real = real;
    this.libc = copyOf(real);
    this.#calls = {
      socket: () => this.#make(),
      setsockopt: () => 0,
      ioctl: (fd, _request, address) => this.#nothingUnsent(fd, address),
      bind: () => 0,
      listen: (fd) => this.#listen(fd),
      accept4: (fd) => this.#accept(fd),
      connect: (fd) => this.#connect(fd),
    };
    this.#others = {
      socket: () => this.#make(),
      setsockopt: () => 0,
      ioctl: (fd, _request, address) => this.#nothingUnsent(fd, address),
      accept4: (fd) => this.#accept(fd),
      connect: (fd) => this.#connect(fd),
    };
    Object.assign(this.libc, this.#calls);
  }

  /** Now and then: code that is compiled must not count on these functions, which are not those of a real reactor. */
  exchange(): void {
    this.#isOther = !this.#isOther;
    Object.assign(this.libc, this.#isOther ? this.#others : this.#calls);
  }

  /** Two connected sockets. Throws NoDescriptorError. */
  pair(): { ours: number; theirs: number } {
    const pair = openSocketPair(this.#real);
    if (pair === null) throw new NoDescriptorError('this process has no descriptor left');
    return pair;
  }

  /** What a rehearsal ends with that does not get on. The reactor says only that a socket failed, not always why. */
  failure(message: string): Error {
    return this.#ranOut ? new NoDescriptorError(message) : new Error(message);
  }

  /** A client of the reactor's nth listener, from 0: its far end. */
  arrive(nth: number): number {
    const listening = [...this.#listening.values()][nth];
    if (listening === undefined) throw this.failure(`there is no listener ${nth}`);
    const { ours, theirs } = this.pair();
    listening.arriving.push(ours);
    this.#real.send(listening.bell, this.#scratch.address, 1, MSG_NOSIGNAL);
    return theirs;
  }

  #listen(fd: number): number {
    this.#listening.set(fd, { bell: this.#takeFarEnd(fd), arriving: [] });
    return 0;
  }

  #connect(fd: number): number {
    this.dialled.push(this.#takeFarEnd(fd));
    return 0;
  }

  /** A foreign call writes the zero: an error that the socket does not have. */
  #nothingUnsent(fd: number, address: number): number {
    this.#scratch.view.setInt32(0, 4, true);
    return this.#real.getsockopt(fd, SOL_SOCKET, SO_ERROR, address, this.#scratch.address);
  }

  #make(): number {
    const pair = openSocketPair(this.#real);
    if (pair === null) {
      this.#ranOut = true;
      return -1;
    }
    this.#made.set(pair.ours, pair.theirs);
    return pair.ours;
  }

  #takeFarEnd(fd: number): number {
    const far = this.#made.get(fd);
    if (far === undefined) throw new Error(`descriptor ${fd} is no socket of this rehearsal`);
    this.#made.delete(fd);
    return far;
  }

  #accept(fd: number): number {
    const next = this.#listening.get(fd)?.arriving.shift();
    if (next !== undefined) return next;
    // Nobody is left: quiet, and errno is EAGAIN, as accept4() would leave it.
    const { address, bytes } = this.#scratch;
    while (this.#real.recv(fd, address, bytes.length, 0) > 0);
    return -1;
  }

  // --- Far ends ------------------------------------------------------------------------------------------------------------------

  /** How many bytes came, which are in `received`; 0: the reactor has ended its side; -1: none yet. */
  receive(fd: number): number {
    return this.#real.recv(fd, this.#scratch.address, this.#scratch.bytes.length, 0);
  }

  get received(): Uint8Array {
    return this.#scratch.bytes;
  }

  /** A few bytes, which a socket takes at once. */
  send(fd: number, bytes: Uint8Array): void {
    this.#scratch.bytes.set(bytes);
    this.#real.send(fd, this.#scratch.address, bytes.length, MSG_NOSIGNAL);
  }

  close(fd: number): void {
    this.#real.close(fd);
  }

  /** Closes the far ends that nobody took. The reactor has closed its own. */
  end(): void {
    for (const fd of [...this.#made.values(), ...this.dialled]) this.#real.close(fd);
    for (const { bell, arriving } of this.#listening.values())
      for (const fd of [bell, ...arriving]) this.#real.close(fd);
  }
}
