// A long path in a process: takes connections, dials on, and lets bytes through at a rate and after a delay, each way by itself. Started by
// longPath.ts as `node relay.ts PORT HOST PORT DELAY_MS BITS_PER_SECOND`; delays of a millisecond need Node's own timers and sockets.

import { connect, createServer, type Socket } from 'node:net';

/** What the router in front of the narrow link holds: as much again as is under way on a path of 200 ms. */
const QUEUE_MS = 200;
const TURN_MS = 1;

const [port, host, targetPort, delayMs, bitsPerSecond] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const bytesPerMs = Number(bitsPerSecond) / 8_000;

interface Piece {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

class OneWay {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #pieces: Piece[] = [];
  /** When the last byte taken leaves the narrow link. */
  #busyUntilMs = 0;
  #ended = false;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => {
      this.#ended = true;
    });
  }

  #take(bytes: Buffer): void {
    this.#busyUntilMs = Math.max(this.#busyUntilMs, performance.now()) + bytes.length / bytesPerMs;
    this.#pieces.push({ bytes, dueMs: this.#busyUntilMs + Number(delayMs) });
    if (this.#busyUntilMs > performance.now() + QUEUE_MS) this.#from.pause();
  }

  /** Lets through what is due. */
  turn(nowMs: number): void {
    const pieces = this.#pieces;
    let due = 0;
    while (due < pieces.length && pieces[due]!.dueMs <= nowMs && !this.#to.destroyed) {
      this.#to.write(pieces[due]!.bytes);
      due++;
    }
    pieces.splice(0, due);
    if (this.#from.isPaused() && this.#busyUntilMs < nowMs + QUEUE_MS / 2) this.#from.resume();
    if (this.#ended && pieces.length === 0) {
      this.#ended = false;
      this.#to.end();
    }
  }
}

const ways = new Set<OneWay>();

const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ host, port: Number(targetPort), allowHalfOpen: true });
  const both = [new OneWay(near, far), new OneWay(far, near)];
  for (const way of both) ways.add(way);
  for (const socket of [near, far]) {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => {
      near.destroy();
      far.destroy();
      for (const way of both) ways.delete(way);
    });
  }
});
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));

setInterval(() => {
  const nowMs = performance.now();
  for (const way of ways) way.turn(nowMs);
}, TURN_MS);
