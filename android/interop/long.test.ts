// What only a long session shows: the keys that both sides replace after 2^16 records, in each direction, and 100 MB through windows that grow.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ExitNode, eventually, type Hub, pairNode, startHub } from '../../test/system/harness.ts';
import { patternAt } from '../../test/system/pattern.ts';
import { Stream } from '../../test/system/stream.ts';
import { Target } from '../../test/system/target.ts';

const ROUNDS = 2 ** 16 + 100;
const BYTES = 100_000_000;
const STREAMS = 1_000;

let hub: Hub;
let node: ExitNode;
let target: Target;
let echo: Server;

beforeAll(async () => {
  hub = await startHub();
  node = await pairNode(hub);
  target = await Target.start();
  echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  echo.close();
  await target.close();
});

/** Sends a byte, waits for its echo, and again: a record each way. */
function pingPong(socket: Socket, rounds: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('data', (data: Buffer) => {
      if (data.length !== 1 || --rounds < 0) reject(new Error(`an echo of ${data.length} bytes`));
      else if (rounds === 0) resolve();
      else socket.write('x');
    });
    socket.on('close', () => reject(new Error(`the stream ended with ${rounds} rounds to go`)));
    socket.write('x');
  });
}

test('both sides replace their keys after 2^16 records', async () => {
  const { port } = echo.address() as AddressInfo;
  const { socket } = await Stream.open(hub.socks, port, '');
  // The echo of the empty order's line.
  await new Promise((resolve) => socket.once('data', resolve));
  socket.removeAllListeners('data');
  await pingPong(socket, ROUNDS);
  socket.removeAllListeners('close').destroy();
  expect([hub.faults(), node.faults()]).toEqual([[], []]);
}, 240_000);

test('100 MB down and 100 MB up arrive whole on the same session', async () => {
  const down = await Stream.open(hub.socks, target.port, `send ${BYTES}`);
  expect(await down.over).toBe('end');
  expect(down).toMatchObject({ received: BYTES, damaged: false });
  const up = await Stream.open(hub.socks, target.port, 'sink');
  up.upload(BYTES);
  expect(await up.over).toBe('end');
  expect(target.sunkBytes).toBe(BYTES);
});

test('a thousand streams that are open at once', async () => {
  const streams = await Promise.all(
    Array.from({ length: STREAMS }, () => Stream.open(hub.socks, target.port, 'hold')),
  );
  await eventually(() => target.held.length === STREAMS);
  for (const far of target.held) far.end(patternAt(0, 20_000));
  for (const stream of streams) expect(await stream.over).toBe('end');
  expect(streams.every(({ received, damaged }) => received === 20_000 && !damaged)).toBe(true);
});
