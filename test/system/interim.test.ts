// A target that answers with more interim responses than anyone wants, to a client that reads none of them: what is rewritten is the
// hub's own and counts in no window, so only so many are passed on.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLIENT } from '../../src/limits/clients.ts';
import { type Hub, MODES, startPair } from './harness.ts';
import { portOf } from './origin.ts';

const HINT = Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: <${'x'.repeat(4_000)}>\r\n\r\n`);
const MANY = 5_000;
const PAGE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Many more interim responses than are passed on, and a page behind them. */
const target = createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', () => pour(socket, 0));
});

function pour(socket: Socket, sent: number): void {
  for (let count = sent; count < MANY; count++) {
    if (socket.write(HINT)) continue;
    socket.once('drain', () => pour(socket, count + 1));
    return;
  }
  socket.end(PAGE);
}

beforeAll(async () => {
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
});
afterAll(() => void target.close());

function ask(hub: Hub): Socket {
  const client = connect(hub.http.port, hub.http.host);
  client.on('error', () => {});
  client.write(`GET http://127.0.0.1:${portOf(target)}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return client;
}

test.each([MODES[0]!, MODES[3]!])('$name: the surplus is dropped, the page arrives', async (mode) => {
  const { hub, node } = await startPair(mode);
  const poured = new Promise((resolve) =>
    target.once('connection', (socket) => socket.once('finish', resolve)),
  );
  const client = ask(hub).pause().setEncoding('latin1');
  // The target gets rid of everything although the client reads nothing: none of it waits for the client.
  await poured;
  let text = '';
  for await (const piece of client) text += piece;
  expect(text.match(/HTTP\/1\.1 103 /g)).toHaveLength(CLIENT.httpInterimResponsesMax);
  expect(text).toMatch(/HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
  expect(hub.log.filter(({ msg }) => msg === 'node disconnected')).toEqual([]);
  expect([...hub.faults(), ...node.faults()]).toEqual([]);
  await node.stop();
  await hub.stop();
});
