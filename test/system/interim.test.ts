// A target that sends interim responses for ever to a client that reads none of them. The hub rewrites them, so they count in no window;
// their number has its own bound.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLIENT } from '../../src/limits/bounds.ts';
import { type Hub, MODES, startPair } from './harness.ts';
import { portOf } from './origin.ts';

const HINT = Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: <${'x'.repeat(4_000)}>\r\n\r\n`);
const MANY = 20_000;
const PAGE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

let sent = 0;
/** `/hints` gets interim responses for ever, everything else a page behind as many as are allowed. */
const target = createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', (request) => (request.includes('/hints') ? pour(socket) : answer(socket)));
});

function pour(socket: Socket): void {
  while (sent < MANY && !socket.destroyed) {
    sent++;
    if (!socket.write(HINT)) {
      socket.once('drain', () => pour(socket));
      return;
    }
  }
}

function answer(socket: Socket): void {
  for (let count = 0; count < CLIENT.httpInterimResponsesMax; count++) socket.write(HINT);
  socket.end(PAGE);
}

beforeAll(async () => {
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
});
afterAll(() => void target.close());

function ask(hub: Hub, path: string): Socket {
  const client = connect(hub.http.port, hub.http.host);
  client.on('error', () => {});
  client.write(
    `GET http://127.0.0.1:${portOf(target)}${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  return client;
}

test.each([MODES[0]!, MODES[3]!])(
  '$name: the stream ends at the bound, and nothing else does',
  async (mode) => {
    const { hub, node } = await startPair(mode);
    sent = 0;
    const poured = new Promise((resolve) =>
      target.once('connection', (socket) => socket.once('close', resolve)),
    );
    const silent = ask(hub, '/hints').pause();
    await poured;
    expect(sent).toBeLessThan(MANY);

    const client = ask(hub, '/page').setEncoding('latin1');
    let text = '';
    for await (const piece of client) text += piece;
    expect(text.match(/HTTP\/1\.1 103 /g)).toHaveLength(CLIENT.httpInterimResponsesMax);
    expect(text).toMatch(/HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
    silent.destroy();
    expect(hub.log.filter(({ msg }) => msg === 'node disconnected')).toEqual([]);
    expect([...hub.faults(), ...node.faults()]).toEqual([]);
    await node.stop();
    await hub.stop();
  },
);
