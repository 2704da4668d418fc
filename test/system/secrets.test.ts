// Tokens, keys and visited targets appear in no log, no process list and no file except those meant to hold them. A hub and its nodes log
// as much as they can through pairing, transfers and failures; then the test searches everything they left.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseLink } from '../../src/model/pairingLink.ts';
import { BIN, runBin } from '../cli/runBin.ts';
import { startEchoOrigin } from './echoOrigin.ts';
import { firstMessage, listenToSilence, newKeyPair } from './firstContact.ts';
import {
  eventually,
  type LogLine,
  launchNode,
  listNodes,
  makeLink,
  makeTempDir,
  type Program,
  runCommand,
  startHub,
  startNode,
} from './harness.ts';
import { httpThrough, Stream } from './stream.ts';

const TRACE = ['--log-level', 'trace'];

/** A secret in every way somebody might write it down. */
function spellings(secret: Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret);
  const texts = ['base64', 'base64url', 'hex'].map((encoding) => bytes.toString(encoding as BufferEncoding));
  return [bytes, ...texts.map((text) => Buffer.from(text.replace(/=+$/, '')))];
}

/** Every file below a folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function saidBy(program: Program<unknown>): Buffer {
  return Buffer.from([program.stdout, ...program.complaints, JSON.stringify(program.log)].join('\n'));
}

/** What anybody on the machine, and what its owner, can read about a process. */
function processList(pid: number): Buffer {
  const tasks = readdirSync(`/proc/${pid}/task`).map((tid) => `task/${tid}/comm`);
  return Buffer.concat(['cmdline', 'environ', ...tasks].map((name) => readFileSync(`/proc/${pid}/${name}`)));
}

test.skipIf(process.platform !== 'linux')(
  'no secret leaves the files that are meant to hold it',
  async () => {
    const home = makeTempDir();
    const folders = ['home', 'tmp', 'run'].map((name) => join(home, name));
    for (const folder of folders) mkdirSync(folder);
    const [HOME, TMPDIR, XDG_RUNTIME_DIR] = folders;
    const env = { HOME, TMPDIR, XDG_RUNTIME_DIR };
    const origin = await startEchoOrigin();
    const payload = `payload-${randomBytes(16).toString('hex')}`;
    const searched: Record<string, Buffer> = {};

    const passwords = ['of the dashboard', 'of a user', 'that is wrong'].map(
      () => `password-${randomBytes(16).toString('hex')}`,
    );
    const [ofDashboard, ofUser, wrong] = passwords as [string, string, string];
    const files = [ofDashboard, ofUser].map((password, at) => {
      const file = join(makeTempDir(), `password-${at}`);
      writeFileSync(file, `${password}\n`);
      return file;
    });
    const args = [...TRACE, '--dashboard-password-file', files[0]!];
    const hub = await startHub({ args, env });
    const { link } = await makeLink(hub);
    const node = await startNode({ links: [link], args: TRACE, env });
    searched['the list of processes, hub'] = processList(hub.pid);
    searched['the list of processes, node'] = processList(node.pid);

    // Transfers, and failures of every part.
    const gotSilence = ({ msg }: LogLine) => msg.includes('gave no answer');
    const latecomer = launchNode({ links: [link], args: TRACE, env });
    const { hubPublicKey, token } = parseLink(link);
    const stranger = listenToSilence(hub.ready.tunnel, [
      firstMessage({ hubPublicKey, keyPair: newKeyPair(), token }).bytes,
      Buffer.from(payload),
    ]);
    const answer = await httpThrough(hub.http, `http://127.0.0.1:${origin.port}/${payload}?q=${payload}`);
    expect(answer.body).toContain(payload);
    const stream = await Stream.open(hub.socks, origin.port, `GET /${payload} HTTP/1.0\r\n\r`);
    await stream.over;
    expect(stream.received).toBeGreaterThan(0);
    await httpThrough(hub.http, `http://127.0.0.1:1/${payload}`);
    await httpThrough(hub.http, `http://0.0.0.0/${payload}`);
    await httpThrough(hub.http, `nonsense://${payload}`).catch(() => {});
    const misplaced = await runBin(['nodes', link], hub.dataDir);
    expect(misplaced.code).toBe(2);
    searched['a link in the wrong place'] = Buffer.from(misplaced.stdout + misplaced.stderr);
    // Passwords, right and wrong; the origin says what came to it.
    await runCommand(['users', 'add', 'ada', '--password-file', files[1]!], hub.dataDir);
    for (const password of [ofUser, wrong]) {
      const answer = await httpThrough(hub.http, `http://127.0.0.1:${origin.port}/`, 'ada', password);
      expect(answer.status).toBe(password === ofUser ? 200 : 407);
      searched[`the answer ${answer.status} of the proxy`] = Buffer.from(JSON.stringify(answer));
    }
    await runCommand(['users', 'remove', 'ada'], hub.dataDir);
    const bearer = readFileSync(join(hub.dataDir, 'dashboard.token'), 'utf8').trim();
    for (const password of [ofDashboard, wrong]) {
      const answer = await fetch(`http://${hub.ready.dashboard}/api/v1/login`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ password }),
      });
      expect(answer.ok).toBe(password === ofDashboard);
      searched[`the answer ${answer.status} to a login`] = Buffer.from(await answer.text());
    }
    for (const path of ['status', 'nodes', 'events', 'streams', 'openapi.json']) {
      const headers = { Authorization: `Bearer ${bearer}` };
      const answer = await fetch(`http://${hub.ready.dashboard}/api/v1/${path}`, { headers });
      expect(answer.status).toBe(200);
      searched[`the API's ${path}`] = Buffer.from(await answer.text());
    }
    const cut = await Stream.open(hub.socks, origin.port, `GET /hold/${payload} HTTP/1.0\r\n\r`);
    await runCommand(['nodes', 'revoke', node.ready.nodeId], hub.dataDir);
    await cut.over;
    await Promise.all([
      node.waitForLog(gotSilence, 30_000),
      latecomer.waitForLog(gotSilence, 30_000),
      stranger,
    ]);

    const keys = [
      readFileSync(join(hub.dataDir, 'hub_key.bin')),
      readFileSync(join(node.dataDir, 'node_key.bin')),
      readFileSync(join(latecomer.dataDir, 'node_key.bin')),
    ];
    for (const program of [hub, node, latecomer]) await program.stop({ atOnce: true });
    await origin.close();
    const programs = { hub, node, latecomer };
    for (const [name, program] of Object.entries(programs)) {
      expect(program.log.length).toBeGreaterThan(0);
      searched[`output of the ${name}`] = saidBy(program);
    }
    for (const file of filesIn(home)) searched[file] = readFileSync(file);
    for (const file of filesIn(hub.dataDir)) {
      if (!/(hub_key\.bin|dashboard\.token)$/.test(file))
        searched[`of the hub: ${file}`] = readFileSync(file);
    }
    for (const file of filesIn(node.dataDir)) {
      if (!file.endsWith('node_key.bin')) searched[`of the node: ${file}`] = readFileSync(file);
    }
    const words = [bearer, ...passwords, ...passwords.map((password) => `ada:${password}`)];
    const secrets = [token, ...keys, ...words.map((word) => Buffer.from(word))].flatMap(spellings);
    const found = Object.entries(searched).flatMap(([where, content]) => [
      ...secrets
        .filter((secret) => content.includes(secret))
        .map((secret) => `${where}: ${secret.toString('latin1')}`),
      ...(content.includes(payload) ? [`${where}: payload`] : []),
    ]);
    expect(found).toEqual([]);
  },
  90_000,
);

test('a link on standard input pairs a node and never appears in its arguments', async () => {
  const hub = await startHub();
  const { link } = await makeLink(hub);
  const dataDir = makeTempDir();
  const child = spawn(process.execPath, [BIN, 'node', '--pair', '-', '--data-dir', dataDir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.stdin.end(`${link}\n`);
  await eventually(async () => (await listNodes(hub)).some(({ connected }) => connected));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  await hub.stop();
});
