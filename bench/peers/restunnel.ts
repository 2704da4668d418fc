// Ours: a hub and its exit nodes, each a process of its own, started by the command that users start.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Address } from '../load/orders.ts';
import { type Child, startWrapped, until } from '../machine/child.ts';
import { LOOPBACK, type Peer, type PeerOptions, type RunningPeer } from './peer.ts';

/** Two levels up in the checkout, three where compiled (dist/bench/peers), four in the bundle (dist/program/src/cli). */
export const BIN = ['../..', '../../..', '../../../..']
  .map((root) => fileURLToPath(new URL(`${root}/bin/restunnel.js`, import.meta.url)))
  .find((path) => existsSync(path))!;
const READY_MS = 30_000;
const LOOPBACK_ANY = '127.0.0.1:0';

export const restunnel: Peer = {
  name: 'restunnel',
  programs: [],
  async start(options) {
    const children: Child[] = [];
    try {
      return await startAll(options, children);
    } catch (error) {
      for (const child of children.reverse()) await child.stop();
      throw error;
    }
  },
};

async function startAll(options: PeerOptions, children: Child[]): Promise<RunningPeer> {
  const dataDir = join(options.folder, 'hub');
  const site = options.site ?? LOOPBACK;
  const hubStartedMs = performance.now();
  const hub = startBin(options, 'hub', [
    ...['--data-dir', dataDir, '--workers', String(options.workers)],
    ...['--tunnel', `${site.nearHost}:0`, '--socks', LOOPBACK_ANY],
    ...['--http', LOOPBACK_ANY, '--dashboard', LOOPBACK_ANY],
    ...(options.cluster === undefined ? [] : ['--cluster', options.cluster, '--cluster-name', 'bench']),
    ...(options.cluster === undefined ? [] : ['--public-host', '127.0.0.1']),
  ]);
  children.push(hub);
  const { socks, http, tunnel } = await ready<{ socks: string; http: string; tunnel: string }>(options, hub);
  let readyMs = performance.now() - hubStartedMs;
  const dial = options.detour === null ? address(tunnel) : await options.detour(address(tunnel));
  for (let i = 0; i < options.nodes; i++) {
    const link = new URL(await pairingLink(options, dataDir));
    link.host = `${dial.host}:${dial.port}`;
    const nodeStartedMs = performance.now();
    const node = startBin(options, `node${i + 1}`, [
      ...['--data-dir', join(options.folder, `node${i + 1}`), '--pair', link.href],
      ...['--allow-target', site.originRange],
    ]);
    children.push(node);
    await ready(options, node);
    if (i === 0) readyMs += performance.now() - nodeStartedMs;
  }
  const [, ...nodes] = children;
  return {
    proxy: address(socks),
    httpProxy: address(http),
    readyMs,
    pids: () => ({ hub: [hub.pid], node: nodes.map((node) => node.pid) }),
    async stop() {
      for (const child of [...children].reverse()) await child.stop();
    },
  };
}

function startBin(options: PeerOptions, name: string, args: readonly string[]): Child {
  const command = name === 'hub' ? 'hub' : 'node';
  const readyFile = join(options.folder, `${name}.json`);
  const wrap = command === 'node' ? (options.site ?? LOOPBACK).farCommand : [];
  const { path, before, environment } = programOf(options);
  const rest = [
    ...[...before, command, ...args],
    ...['--log-level', 'warn', '--ready-file', readyFile],
    ...(options.io === undefined ? [] : ['--io', options.io]),
  ];
  return startWrapped(name, wrap, path, rest, environment);
}

/** The one file takes no options of Node's. */
function programOf({ program, nodeOptions }: Pick<PeerOptions, 'program' | 'nodeOptions'>) {
  const environment = program === 'source' ? { ...process.env, RESTUNNEL_FROM_SOURCE: '1' } : process.env;
  const script = program === 'source' ? BIN : resolve(program ?? BIN);
  if (!script.endsWith('.js')) return { path: script, before: [], environment };
  return { path: process.execPath, before: [...nodeOptions, script], environment };
}

function ready<T>(options: PeerOptions, child: Child): Promise<T> {
  const file = join(options.folder, `${child.name}.json`);
  return until(`${child.name} ready`, child, READY_MS, () =>
    existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : null,
  );
}

async function pairingLink(options: PeerOptions, dataDir: string): Promise<string> {
  const { path, before, environment } = programOf({ ...options, nodeOptions: [] });
  const args = [...before, 'pair', '--data-dir', dataDir, '--public-host', '127.0.0.1', '--json'];
  const { stdout } = await promisify(execFile)(path, args, { env: environment });
  return (JSON.parse(stdout) as { link: string }).link;
}

function address(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
