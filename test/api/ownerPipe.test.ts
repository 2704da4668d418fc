// The owner API on Windows' named pipe, with a Unix socket in the pipe's place: who is let in, and what an impostor learns.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LazyApi } from '../../src/api/lazyApi.ts';
import { connectOwnerPipe, serveOwnerPipe } from '../../src/api/ownerPipe.ts';
import type { OwnerSocket } from '../../src/api/ownerServer.ts';
import { newPipeSecret, pipeFilePath, readPipeFile, writePipeFile } from '../../src/api/pipeFile.ts';
import { CHALLENGE_BYTES, PROOF_BYTES, proofOf } from '../../src/api/pipeProof.ts';
import { UserError } from '../../src/base/userError.ts';
import { FakeFleet } from './fakeFleet.ts';

const onUnix = process.platform !== 'win32';

let dir: string;
let pipe: OwnerSocket | null;
let impostors: Server[];
const pathOf = (name: string) => (onUnix ? join(dir, name) : `\\\\.\\pipe\\${name}`);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-pipe-'));
  pipe = null;
  impostors = [];
});
afterEach(async () => {
  await pipe?.close();
  for (const server of impostors) server.close();
  rmSync(dir, { recursive: true, force: true });
});

async function serve(): Promise<OwnerSocket> {
  const fleet = new FakeFleet({ now: () => 1_700_000_000_000 });
  const onFault = (error: unknown) => expect.fail(String(error));
  const api = new LazyApi({ fleet, ownUser: { name: '', password: '' }, onFault });
  pipe = await serveOwnerPipe(dir, api, { checkMs: 5, pathOf });
  return pipe;
}

function statusBy(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request({ createConnection: () => socket, path: '/api/v1/status' }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    asking.on('error', reject);
    asking.end();
  });
}

/** All that the other side sends until it closes. */
function heard(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks)));
  });
}

test('a command that can read the file asks the hub', async () => {
  const { path } = await serve();
  const socket = await connectOwnerPipe(dir, pathOf);
  expect(await statusBy(socket!)).toBe(200);
  expect(path).toBe(pathOf(readPipeFile(dir)!.name));
});

test('each start has another name and another secret, and the end leaves no file', async () => {
  await serve();
  const first = readPipeFile(dir)!;
  await pipe!.close();
  expect(readPipeFile(dir)).toBe(null);
  expect(await connectOwnerPipe(dir, pathOf)).toBe(null);
  await serve();
  const second = readPipeFile(dir)!;
  expect(second.name).not.toBe(first.name);
  expect(second.secret).not.toEqual(first.secret);
});

test('a file that goes missing or is damaged is written again', async () => {
  await serve();
  const whole = readFileSync(pipeFilePath(dir), 'utf8');
  for (const damage of [() => rmSync(pipeFilePath(dir)), () => writeFileSync(pipeFilePath(dir), '{}')]) {
    damage();
    await expect.poll(() => readPipeFile(dir) !== null).toBe(true);
    expect(readFileSync(pipeFilePath(dir), 'utf8')).toBe(whole);
  }
});

test('a stranger on the pipe gets nothing but a challenge, whatever it answers', async () => {
  const { path } = await serve();
  const http = 'GET /api/v1/status HTTP/1.1\r\nHost: hub\r\n\r\n'.padEnd(200, ' ');
  for (const answer of [Buffer.alloc(PROOF_BYTES), Buffer.from(http)]) {
    const socket = connect(path);
    const all = heard(socket);
    socket.write(Buffer.alloc(CHALLENGE_BYTES, 1));
    socket.write(answer);
    expect((await all).length).toBe(CHALLENGE_BYTES + PROOF_BYTES);
  }
});

test("the hub's own proof does not open its door", async () => {
  const { path } = await serve();
  const socket = connect(path);
  const all = heard(socket);
  socket.write(Buffer.alloc(CHALLENGE_BYTES, 1));
  socket.once('data', (answer: Buffer) => socket.write(answer.subarray(CHALLENGE_BYTES)));
  expect((await all).length).toBe(CHALLENGE_BYTES + PROOF_BYTES);
});

/** Listens where the file says, without the secret. */
async function impostor(answer: (challenge: Buffer) => Buffer): Promise<{ got: () => Buffer; name: string }> {
  const secret = newPipeSecret();
  writePipeFile(dir, secret);
  const chunks: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (challenge: Buffer) => socket.write(answer(challenge)));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  });
  impostors.push(server);
  await new Promise<void>((resolve) => server.listen(pathOf(secret.name), resolve));
  return { got: () => Buffer.concat(chunks), name: secret.name };
}

test('an impostor on the pipe learns a random number, and the command says what happened', async () => {
  const { got } = await impostor(() => Buffer.alloc(CHALLENGE_BYTES + PROOF_BYTES, 7));
  await expect(connectOwnerPipe(dir, pathOf)).rejects.toThrow(UserError);
  expect(got().length).toBe(CHALLENGE_BYTES);
});

test('the proof of another pipe is none, even with the same secret', async () => {
  const other = newPipeSecret();
  const challenges = { command: Buffer.alloc(CHALLENGE_BYTES, 1), hub: Buffer.alloc(CHALLENGE_BYTES, 2) };
  const moved = { ...other, name: newPipeSecret().name };
  expect(proofOf('hub', other, challenges)).not.toEqual(proofOf('hub', moved, challenges));
  expect(proofOf('hub', other, challenges)).not.toEqual(proofOf('command', other, challenges));
});
