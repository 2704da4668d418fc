// A node behind a network that lets only a proxy out: `--via` with real proxies, tinyproxy (HTTP) and Dante (SOCKS5).

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { needs } from '../require.ts';
import { freePort } from './freePorts.ts';
import { eventually, type Hub, launchNode, listNodes, makeLink, makeTempDir, startHub } from './harness.ts';
import { Origin, portOf } from './origin.ts';
import { dialSocks } from './rawClient.ts';

const origin = new Origin();
let hub: Hub;

beforeAll(async () => {
  await origin.start();
  hub = await startHub();
});
afterAll(() => origin.stop());

interface Proxy {
  readonly port: number;
  log(): string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

async function proxy(
  program: string,
  config: (port: number, log: string) => string,
  args: string[],
): Promise<Proxy> {
  const folder = makeTempDir();
  const [file, log] = [join(folder, 'proxy.conf'), join(folder, 'proxy.log')];
  const port = freePort();
  writeFileSync(file, config(port, log));
  writeFileSync(log, '', { mode: 0o666 });
  let child: ChildProcess | null = null;
  const made: Proxy = {
    port,
    log: () => readFileSync(log, 'utf8'),
    async stop() {
      if (child === null) return;
      const ended = new Promise((resolve) => child!.once('exit', resolve));
      // Dante forks; its children end with it.
      child.kill('SIGTERM');
      await ended;
      child = null;
    },
    async start() {
      child = spawn(program, [...args, file], { stdio: 'ignore' });
      await eventually(() => answers(port));
    },
  };
  onTestFinished(() => made.stop());
  await made.start();
  return made;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

const tinyproxy = (more = '') =>
  proxy(
    'tinyproxy',
    (port, log) =>
      `Port ${port}\nListen 127.0.0.1\nTimeout 600\nLogFile "${log}"\nLogLevel Connect\nMaxClients 20\nAllow 127.0.0.1\n${more}\n`,
    ['-d', '-c'],
  );

const dante = () =>
  proxy(
    'danted',
    (port, log) => `logoutput: ${log}
internal: 127.0.0.1 port = ${port}
external: lo
clientmethod: none
socksmethod: none
user.unprivileged: root
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 log: connect }
`,
    ['-f'],
  );

/** A page through the tunnel, whose target hears from the device and not from the proxy. */
async function echoes(): Promise<void> {
  const client = await dialSocks(hub.socks, portOf(origin.echo));
  client.send('hello').endWriting();
  expect(String(await client.takeAll())).toBe('hello');
  client.close();
}

/** The hub's owner sees how the device comes. */
async function comesVia(nodeId: string, via: 'http' | 'socks5'): Promise<void> {
  await eventually(async () => {
    const nodes = await listNodes(hub);
    expect(nodes.find(({ id }) => id === nodeId)).toMatchObject({ way: 'tcp', via });
  });
}

async function launch(...args: string[]) {
  const { link } = await makeLink(hub);
  const node = launchNode({ links: [link], args });
  onTestFinished(async () => {
    await node.stop();
  });
  return node;
}

describe.each(['epoll', 'net'])('on %s', (io) => {
  const http = needs('tinyproxy');
  test.skipIf(http.skip)(`an HTTP proxy with a password ${http.why}`, async () => {
    const through = await tinyproxy('BasicAuth me s3cret');
    const node = await launch('--io', io, '--via', `http://me:s3cret@127.0.0.1:${through.port}`);
    await node.untilReady();
    await node.waitForLog(
      ({ msg, via }) => msg === 'connected to the hub' && via === `http://127.0.0.1:${through.port}`,
    );
    await echoes();
    await comesVia(node.ready.nodeId, 'http');
    expect(through.log()).toContain(`CONNECT ${hub.ready.tunnel}`);
    expect(through.log()).not.toContain(String(portOf(origin.echo)));
    expect(readFileSync(`/proc/${node.pid}/cmdline`, 'utf8')).not.toContain('s3cret');

    await through.stop();
    await node.waitForLog(({ msg, reason }) =>
      `${msg} ${reason}`.includes('cannot connect to the proxy of --via (ECONNREFUSED)'),
    );
    await through.start();
    await eventually(echoes, 60_000);
  });

  const socks = needs('danted');
  test.skipIf(socks.skip)(`a SOCKS5 proxy ${socks.why}`, async () => {
    const through = await dante();
    const node = await launch('--io', io, '--via', `socks5://127.0.0.1:${through.port}`);
    await node.untilReady();
    await echoes();
    await comesVia(node.ready.nodeId, 'socks5');
    expect(through.log()).toContain(`.${hub.tunnel.port}`);
    expect(through.log()).not.toContain(`.${portOf(origin.echo)}`);
  });
});

const http = needs('tinyproxy');
test.skipIf(http.skip)(
  `a wrong password is a sentence, and the right one from a file works ${http.why}`,
  async () => {
    const through = await tinyproxy('BasicAuth me s3cret');
    const node = await launch('--via', `http://me:wrong@127.0.0.1:${through.port}`);
    await node.waitForLog(({ msg, reason }) => `${msg} ${reason}`.includes('another user and password'));
    await node.stop();

    const file = join(makeTempDir(), 'via');
    writeFileSync(file, `http://me:s3cret@127.0.0.1:${through.port}\n`, { mode: 0o600 });
    await (await launch('--via-file', file)).untilReady();
    await echoes();
  },
);
