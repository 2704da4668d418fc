// The tunnel port against thousands of strangers, against strangers who never stop talking, and without file descriptors: no stranger hears
// a byte, and paired devices get in. What strangers may say: pairing.test.ts. The policy itself: test/engine.

import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { STRANGER } from '../../src/limits/strangers.ts';
import { FAILURES } from '../../src/model/failures.ts';
import { parseLink } from '../../src/model/pairingLink.ts';
import { computeMac1, mac1Key } from '../../src/noise/mac1.ts';
import { needs } from '../require.ts';
import { firstMessage, newKeyPair, withLength } from './firstContact.ts';
import {
  counters,
  eventually,
  type Hub,
  type LogLine,
  launchNode,
  listNodes,
  MODES,
  makeLink,
  pairNode,
  socketsOf,
  startHub,
  startNode,
  startPair,
} from './harness.ts';
import { Refused, Stream } from './stream.ts';
import { Target } from './target.ts';

const FLOOD = fileURLToPath(new URL('../../scripts/flood.ts', import.meta.url));
// Three programs, a flood and its target share this machine with other tests.
vi.setConfig({ testTimeout: 120_000 });

const strangers = new Set<Stranger>();
afterAll(() => {
  for (const stranger of strangers) stranger.socket.destroy();
});

/** A socket at the tunnel port, and what it hears. */
class Stranger {
  readonly socket: Socket;
  bytes = 0;
  /** 'FIN' or the code of the error; null while open. */
  end: string | null = null;
  endedMs = 0;
  readonly ended: Promise<string>;

  /** `talks`: from shortly before its deadline says its chunks over and over, as fast as they are taken, until it hears the end. */
  constructor(hub: Hub, chunks: readonly Uint8Array[], options: { from?: string; talks?: boolean } = {}) {
    const { from = '127.0.0.2', talks = false } = options;
    strangers.add(this);
    this.socket = connect({ ...hub.tunnel, localAddress: from, allowHalfOpen: true });
    const say = () => {
      for (const chunk of chunks) this.socket.write(chunk);
    };
    this.socket.on('connect', say).on('data', (data: Buffer) => {
      this.bytes += data.length;
    });
    const pump = () => {
      while (this.end === null && this.socket.write(chunks.at(-1)!));
    };
    const talking = talks ? setTimeout(pump, STRANGER.deadlineMs - 1_000) : undefined;
    if (talks) this.socket.on('drain', pump);
    this.ended = new Promise((resolve) => {
      const over = (how: string) => {
        clearTimeout(talking);
        if (this.end !== null) return;
        this.end = how;
        this.endedMs = performance.now();
        resolve(how);
      };
      this.socket.on('end', () => over('FIN'));
      this.socket.on('error', (error: NodeJS.ErrnoException) => over(error.code ?? error.message));
      this.socket.on('close', () => over('closed'));
    });
  }

  /** Or gone before we saw it. */
  get connected(): Promise<void> {
    if (!this.socket.connecting) return Promise.resolve();
    return new Promise((resolve) => this.socket.once('connect', resolve).once('close', () => resolve()));
  }
}

async function crowd(hub: Hub, count: number, from = '127.0.0.2'): Promise<Stranger[]> {
  const all = Array.from({ length: count }, () => new Stranger(hub, [], { from }));
  await Promise.all(all.map(({ connected }) => connected));
  return all;
}

describe.concurrent.each(MODES.filter(({ name }) => name === 'net' || name === 'epoll, 1 worker'))(
  '$name',
  (mode) => {
    test('strangers of every kind get the same FIN at the same moment, talkative ones too', async () => {
      const hub = await startHub(mode);
      const { hubPublicKey, token } = parseLink((await makeLink(hub)).link);
      const valid = firstMessage({ hubPublicKey, keyPair: newKeyPair(), token }).bytes;
      const nonsense = randomBytes(200);
      const goodMac1 = withLength(Buffer.concat([nonsense, computeMac1(mac1Key(hubPublicKey), nonsense)]));
      const unknownKey = firstMessage({ hubPublicKey, keyPair: newKeyPair() }).bytes;
      const piece = randomBytes(100_000);
      const all: Record<string, Stranger> = {
        nothing: new Stranger(hub, []),
        'one byte': new Stranger(hub, [Uint8Array.of(0)]),
        garbage: new Stranger(hub, [piece]),
        'a bad message under a good mac1': new Stranger(hub, [goodMac1]),
        'a bad message under a good mac1, and more': new Stranger(hub, [goodMac1, piece]),
        'an unknown key': new Stranger(hub, [unknownKey]),
        'an unknown key, and more': new Stranger(hub, [unknownKey, piece]),
        'a live token, and more': new Stranger(hub, [valid, piece]),
        'garbage without end': new Stranger(hub, [piece], { talks: true }),
        'an unknown key, and more without end': new Stranger(hub, [unknownKey, piece], { talks: true }),
      };
      await Promise.all(Object.values(all).map(({ ended }) => ended));
      for (const [what, { end, bytes }] of Object.entries(all)) {
        expect({ what, end, bytes }).toEqual({ what, end: 'FIN', bytes: 0 });
      }
      const ends = Object.values(all).map(({ endedMs }) => endedMs);
      expect(Math.max(...ends) - Math.min(...ends)).toBeLessThan(SAME_MOMENT_MS);
      // What was sent was read, though nobody looked at it.
      expect(all['garbage without end']!.socket.bytesWritten).toBeGreaterThan(2_000_000);
      expect(hub.faults()).toEqual([]);
      await hub.stop();
    });
  },
);

/** Strangers that came together end in one tick of the hub's timers; the rest is this machine being busy. Another deadline is further off. */
const SAME_MOMENT_MS = STRANGER.deadlineMs / 2;

interface Flooded {
  opened: number;
  bytes: number;
  fin: number;
  reset: number;
  refused: number;
}

/** 1,000 connections a second until end(). */
function flood(hub: Hub, from: readonly string[], say: 'nothing' | 'garbage'): { end(): Promise<Flooded> } {
  const args = ['--rate', '1000', '--seconds', '40', '--from', from.join(), '--say', say];
  const child = spawn(process.execPath, [FLOOD, hub.ready.tunnel, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  return {
    end() {
      child.stdin.end();
      return new Promise((resolve) => child.on('close', () => resolve(JSON.parse(stdout) as Flooded)));
    },
  };
}

describe('a flood of a thousand connections a second', () => {
  test.each([
    // The node's own address among them, as behind a carrier's NAT.
    { from: ['127.0.0.1', '127.0.0.2', '127.0.0.3'], say: 'nothing' as const },
    { from: Array.from({ length: 100 }, (_, n) => `127.0.1.${n + 1}`), say: 'garbage' as const },
  ])(
    'from $from.length addresses that say $say: the transfer goes on, the node comes back, a new one gets in',
    async ({ from, say }) => {
      const target = await Target.start();
      const { hub, node } = await startPair({ io: 'epoll', workers: 1 });
      const { link } = await makeLink(hub);
      const stream = await Stream.open(hub.socks, target.port, 'flood');
      const held = await crowd(hub, 5, from[1]);
      const flooding = flood(hub, from, say);
      // When there are too many somebody has to go, of an address that holds many the oldest.
      expect(await Promise.race(held.map(({ ended }) => ended))).toBe('ECONNRESET');
      const before = stream.received;
      await eventually(() => stream.received > before + 50_000_000, 30_000);
      stream.socket.destroy();
      await node.kill();
      const again = await startNode({ dataDir: node.dataDir });
      const newcomer = await startNode({ links: [link] });
      const more = await Stream.open(hub.socks, target.port, 'send 1000000');
      expect(await more.over).toBe('end');
      const { opened, bytes, fin, reset } = await flooding.end();
      expect({ bytes, damaged: stream.damaged || more.damaged, received: more.received }).toEqual({
        bytes: 0,
        damaged: false,
        received: 1_000_000,
      });
      // How many there were in that time is the machine's affair; some were more than the hub keeps.
      expect(opened).toBeGreaterThan(256);
      expect(reset + fin).toBeGreaterThan(0);
      expect(hub.faults()).toEqual([]);
      await Promise.all([again.stop(), newcomer.stop(), hub.stop(), target.close()]);
    },
  );
});

/** How often accept() failed for want of a descriptor, as the log tells it. */
function failedAccepts(log: readonly LogLine[]): number {
  return log
    .filter(({ msg }) => msg.startsWith('out of file descriptors'))
    .reduce((sum, { leftOut }) => sum + 1 + ((leftOut as number | undefined) ?? 0), 0);
}

describe.skipIf(process.platform !== 'linux')('few file descriptors', () => {
  test('clients are refused while a few are left for new nodes, which get in past any strangers', async () => {
    const target = await Target.start();
    const hub = await startHub({ io: 'epoll', workers: 1, descriptors: 200 });
    const node = await pairNode(hub);
    const outcomes: (Stream | number | string)[] = [];
    while (outcomes.length < 200) {
      const attempts = Array.from({ length: 10 }, () => Stream.open(hub.socks, target.port, 'hold'));
      for (const { value, reason } of (await Promise.allSettled(attempts)) as {
        value?: Stream;
        reason?: Error;
      }[]) {
        outcomes.push(value ?? (reason instanceof Refused ? reason.reply : 'broken'));
      }
    }
    const streams = outcomes.filter((outcome) => outcome instanceof Stream);
    expect(streams.length).toBeGreaterThan(20);
    expect(outcomes).toContain(FAILURES.hubBusy.socksReply);
    expect(hub.log.some(({ msg }) => msg.startsWith('few file descriptors are left: clients'))).toBe(true);

    const silent = await crowd(hub, 300);
    await eventually(() => silent.filter(({ end }) => end === null).length < 100);
    const newcomer = await pairNode(hub);
    expect(counters(hub.pid).fdsTotal).toBeLessThan(200);

    for (const { socket } of streams) socket.destroy();
    const more = await eventually(() => Stream.open(hub.socks, target.port, 'send 1000'));
    expect(await more.over).toBe('end');
    expect(hub.faults()).toEqual([]);
    await Promise.all([node.stop(), newcomer.stop(), hub.stop(), target.close()]);
  });

  const prlimit = needs('prlimit');
  const setLimit = (hub: Hub, descriptors: number) =>
    promisify(execFile)('prlimit', ['--pid', String(hub.pid), `--nofile=${descriptors}:`]);

  test.skipIf(prlimit.skip)(`with none left, strangers make room at once ${prlimit.why}`, async () => {
    const hub = await startHub({ io: 'epoll', workers: 1 });
    const { link } = await makeLink(hub);
    const first = await crowd(hub, 60);
    // Connected is what the system says; the hub may not have accepted them yet.
    await eventually(() => socketsOf(hub) >= first.length);
    await setLimit(hub, counters(hub.pid).fdsTotal);
    const later = await crowd(hub, 20);
    // RST: it had to go. FIN would be its deadline.
    expect(await Promise.race(first.map(({ ended }) => ended))).toBe('ECONNRESET');
    const node = await startNode({ links: [link] });
    expect((await listNodes(hub)).find(({ id }) => id === node.ready.nodeId)?.connected).toBe(true);
    expect(failedAccepts(hub.log)).toBeGreaterThan(0);
    expect([...first, ...later].filter(({ bytes }) => bytes > 0)).toEqual([]);
    expect(hub.faults()).toEqual([]);
    await Promise.all([node.stop(), hub.stop()]);
  });

  test.skipIf(prlimit.skip)(
    `with none to be had, it pauses and accepts again later ${prlimit.why}`,
    async () => {
      const hub = await startHub({ io: 'epoll', workers: 1 });
      const { link } = await makeLink(hub);
      await setLimit(hub, 10);
      const waiting = await crowd(hub, 30);
      const node = launchNode({ links: [link] });
      await hub.waitForLog(({ msg }) => msg.startsWith('out of file descriptors'));
      // Ten times a second, not as often as the waiting connection would wake it: few failures between two lines of the log.
      const { leftOut } = await hub.waitForLog(
        ({ msg, leftOut }) => msg.startsWith('out of') && leftOut !== undefined,
      );
      expect(leftOut).toBeLessThan(100);
      await setLimit(hub, 1_000);
      await node.untilReady();
      expect(waiting.filter(({ bytes }) => bytes > 0)).toEqual([]);
      expect(hub.faults()).toEqual([]);
      await Promise.all([node.stop(), hub.stop()]);
    },
  );
});
