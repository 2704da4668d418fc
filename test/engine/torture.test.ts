// Every system call of a hub and its node fails once, one run for each: nothing crashes, nothing hangs, nothing is left behind, and the
// next fetch works. After curl's torture tests.

import { describe, expect, test } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import type { ConnHandler, ConnId, ListenHandler } from '../../src/reactor/reactor.ts';
import { END, WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { type Failure, KINDS, type Kind, Plan, WAYS } from './failingReactor.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST, PATIENCE_MS, PORT, Rig } from './rig.ts';

const TARGET_PORT = 80;
const REFUSED_PORT = 81;
const DOWNLOAD_BYTES = 60_000;
const UPLOAD_BYTES = 40_000;
/** Longer than a dial to a hub may take. */
const QUIET_MS = 60_000;

/** One end of a connection of the test's own: writes what it has, reads all, closes when both are done. */
class Talker implements ConnHandler {
  /** What it got, as Latin-1. */
  heard = '';
  /** 'end', 'broken' or 'refused'; null while it goes on. */
  over: string | null = null;
  /** The other side sends no more. */
  ended = false;
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(65_536);
  readonly #onHeard: (talker: Talker) => void;
  #conn: ConnId = 0;
  #unsent = '';
  #ends = false;
  #finSent = false;
  #connected = false;

  constructor(net: MemoryReactor, onHeard: (talker: Talker) => void = () => {}) {
    this.#net = net;
    this.#onHeard = onHeard;
  }

  dial(port: number): this {
    this.#conn = this.#net.connect(IpAddress.of(HOST), port, 1_000, this, 0);
    return this;
  }

  take(conn: ConnId): void {
    this.#conn = conn;
    this.#net.attach(conn, this, 0);
  }

  /** `ends`: and the end behind it. */
  say(text: string, ends = false): this {
    this.#unsent += text;
    this.#ends ||= ends;
    if (this.#net.descriptor(this.#conn) >= 0 && this.#connected) this.#write();
    return this;
  }

  onConnected(): void {
    this.#connected = true;
    this.#write();
  }

  onConnectFailed(): void {
    this.over = 'refused';
  }

  #write(): void {
    const bytes = Buffer.from(this.#unsent.slice(0, this.#slab.bytes.length), 'latin1');
    this.#slab.bytes.set(bytes);
    const taken = bytes.length === 0 ? 0 : this.#net.write(this.#conn, this.#slab, 0, bytes.length);
    if (taken < 0) {
      this.#close('broken');
      return;
    }
    this.#unsent = this.#unsent.slice(taken);
    if (this.#unsent !== '' || !this.#ends || this.#finSent) return;
    this.#finSent = true;
    if (this.ended) this.#close('end');
    else this.#net.shutdownWrite(this.#conn);
  }

  onWritable(): void {
    this.#write();
  }

  onReadable(): void {
    this.#connected = true;
    const read = this.#net.read(this.#conn, this.#slab, 0, this.#slab.bytes.length);
    if (read === WOULD_BLOCK) return;
    if (read <= 0) {
      if (read !== END) this.#close('broken');
      else this.#ended();
      return;
    }
    this.heard += Buffer.from(this.#slab.bytes.subarray(0, read)).toString('latin1');
    this.#onHeard(this);
  }

  #ended(): void {
    this.ended = true;
    this.#onHeard(this);
    this.over ??= 'end';
    if (this.#unsent === '') this.#close('end');
    else this.#ends = true;
  }

  onBroken(): void {
    this.#close('broken');
  }

  #close(how: string): void {
    this.over ??= how;
    this.#net.close(this.#conn);
  }

  /** Goes without a word. */
  vanish(): void {
    this.over ??= 'vanished';
    this.#net.reset(this.#conn);
  }
}

/** Does what the first line asks for: `send N`, `sink` (answers how many bytes came once they have ended), or HTTP. */
class TargetHost implements ListenHandler {
  readonly talkers: Talker[] = [];
  readonly #net: MemoryReactor;

  constructor(net: MemoryReactor) {
    this.#net = net;
    net.listen(HOST, TARGET_PORT, this);
  }

  onAccept(conn: ConnId): void {
    let obeyed = 0;
    const talker = new Talker(this.#net, (one) => {
      const line = one.heard.split('\n', 1)[0]!;
      // It thinks for ever.
      if (line.startsWith('GET /hold')) return;
      if (line.startsWith('sink')) {
        if (one.ended) one.say(`${one.heard.length - line.length - 1}`, true);
        return;
      }
      const requests = one.heard.split('\r\n\r\n').length - 1;
      for (; line.startsWith('GET') && obeyed < requests; obeyed++)
        one.say('HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n'.concat('h'.repeat(30_000)));
      if (line.startsWith('send') && one.heard.includes('\n') && obeyed++ === 0)
        one.say('d'.repeat(Number(line.split(' ')[1])), true);
    });
    this.talkers.push(talker);
    talker.take(conn);
  }

  onListening(): void {}
  onListenFailed(): void {}
  onAcceptFailed(): void {}
}

const byte = (...codes: number[]) => String.fromCharCode(...codes);
const SOCKS = byte(5, 1, 0) + byte(5, 1, 0, 1, 127, 0, 0, 1, 0, TARGET_PORT);
const SOCKS_NAME = `${byte(5, 1, 0)}${byte(5, 1, 0, 3, 11)}target.test${byte(0, TARGET_PORT)}`;
const SOCKS_NO_NAME = `${byte(5, 1, 0)}${byte(5, 1, 0, 3, 12)}nothing.test${byte(0, TARGET_PORT)}`;
const SOCKS_OPEN = byte(5, 0) + byte(5, 0, 0, 1, 0, 0, 0, 0, 0, 0);
const get = (connection: string, path = '/') =>
  `GET http://${HOST}${path} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: ${connection}\r\n\r\n`;

interface Scene {
  readonly name: string;
  readonly talker: Talker;
  readonly wanted: (talker: Talker) => boolean;
}

function scenes(net: MemoryReactor): Scene[] {
  const socks = (text: string, ends = false) => new Talker(net).dial(PORT.socks).say(text, ends);
  const http = (text: string, onHeard?: (talker: Talker) => void) =>
    new Talker(net, onHeard).dial(PORT.http).say(text);
  const download = SOCKS_OPEN + 'd'.repeat(DOWNLOAD_BYTES);
  let again = false;
  return [
    {
      name: 'download',
      talker: socks(`${SOCKS}send ${DOWNLOAD_BYTES}\n`),
      wanted: ({ heard }) => heard === download,
    },
    {
      name: 'download by name, half-closed',
      talker: socks(`${SOCKS_NAME}send ${DOWNLOAD_BYTES}\n`, true),
      wanted: ({ heard }) => heard === download,
    },
    {
      name: 'upload',
      talker: socks(`${SOCKS}sink\n${'u'.repeat(UPLOAD_BYTES)}`, true),
      wanted: ({ heard }) => heard === `${SOCKS_OPEN}${UPLOAD_BYTES}`,
    },
    {
      name: 'HTTP, two requests on one connection',
      talker: http(get('keep-alive'), (talker) => {
        if (again || !talker.heard.endsWith('h'.repeat(30_000))) return;
        again = true;
        talker.say(get('close'));
      }),
      wanted: ({ heard }) => heard.split('h'.repeat(30_000)).length === 3,
    },
    {
      name: 'CONNECT to a target that refuses',
      talker: http(`CONNECT ${HOST}:${REFUSED_PORT} HTTP/1.1\r\nHost: h\r\n\r\n`),
      wanted: ({ heard }) => heard.startsWith('HTTP/1.1 502'),
    },
    {
      name: 'a name that is not there',
      talker: socks(SOCKS_NO_NAME),
      wanted: ({ heard }) => heard[3] === byte(4),
    },
    { name: 'no request at all', talker: socks(byte(5, 1)), wanted: ({ heard }) => heard === '' },
    {
      name: 'a request too bad',
      talker: http('GET\r\n\r\n'),
      wanted: ({ heard }) => heard.startsWith('HTTP/1.1 400'),
    },
  ];
}

interface Outcome {
  readonly counts: Record<Kind, number>;
  /** Scenes that ended in the wrong way without a failure. */
  readonly spoiled: string[];
}

/** Throws what went wrong. */
function play(failure: Failure | null, rings: boolean): Outcome {
  const plan = new Plan(failure);
  const rig = new Rig(plan, rings);
  const { net } = rig;
  const target = new TargetHost(net);
  const until = (what: string, done: () => boolean) => {
    if (!net.runUntil(done, net.nowMs + PATIENCE_MS))
      throw new Error(`never: ${what} ${JSON.stringify(rig.leftOvers())}`);
  };
  until('a session', () => rig.up > 0);
  const first = scenes(net);
  until('the end of every client', () => first.every(({ talker }) => talker.over !== null));
  const spoiled = first.filter(({ talker, wanted }) => !wanted(talker)).map(({ name }) => name);
  for (const { name, talker } of first) {
    if (name.includes('HTTP') || name.includes('no request') || name.includes('bad')) continue;
    // What came is a beginning of what should have come.
    const whole = [SOCKS_OPEN + 'd'.repeat(DOWNLOAD_BYTES), `${SOCKS_OPEN}${UPLOAD_BYTES}`];
    const refused = talker.heard.length <= 12 || talker.heard.startsWith('HTTP/1.1 5');
    if (!refused && !whole.some((text) => text.startsWith(talker.heard)))
      throw new Error(`${name}: wrong bytes`);
  }

  // The node is lost in the middle of transfers, one of whose clients has vanished.
  until('a session', () => rig.up > 0);
  const lost = [1, 2, 3].map(() => new Talker(net).dial(PORT.socks).say(`${SOCKS}send 1000000\n`));
  until('bytes', () => lost.every(({ heard, over }) => heard.length > 20_000 || over !== null));
  const unanswered = new Talker(net).dial(PORT.http).say(get('close', '/hold'));
  const asked = () => target.talkers.some(({ heard }) => heard.startsWith('GET /hold'));
  until('an unanswered request', () => asked() || unanswered.over !== null);
  lost[0]!.vanish();
  rig.cut();
  until('the end of every client', () => [...lost, unanswered].every(({ over }) => over !== null));
  if (!unanswered.heard.startsWith('HTTP/1.1 502')) spoiled.push('told that the node is lost');

  // What is left is only what has a deadline.
  const settledMs = net.nowMs + PATIENCE_MS;
  const nothing = () => Object.values(rig.leftOvers()).every((count) => count === 0);
  net.runUntil(() => nothing() && rig.up > 0 && target.talkers.every(({ over }) => over !== null), settledMs);
  // The failure may be one of the calls to come, so this one may be the second try.
  const fetch = () => new Talker(net).dial(PORT.socks).say(`${SOCKS}send 10\n`);
  const last = [fetch()];
  until('the last fetch', () => {
    const { over, heard } = last.at(-1)!;
    if (over === null) return false;
    if (heard.endsWith('d'.repeat(10))) return true;
    if (last.length === 3) throw new Error(`the last fetch ended with ${JSON.stringify(last.at(-1)!.heard)}`);
    net.runUntil(() => rig.up > 0, net.nowMs + PATIENCE_MS);
    last.push(fetch());
    return false;
  });
  // One session, and nothing else.
  const alone = () => nothing() && rig.up === 1 && net.connections === 2;
  until('one session alone', alone);
  net.runUntil(() => false, net.nowMs + QUIET_MS);
  until('one session alone for good', alone);
  expect(rig.leftOvers()).toEqual(Object.fromEntries(Object.keys(rig.leftOvers()).map((name) => [name, 0])));
  rig.stop();
  net.runUntil(() => net.connections === 0, net.nowMs + PATIENCE_MS);
  expect({ connections: net.describe(), faults: net.faults }).toEqual({ connections: [], faults: [] });
  return { counts: plan.counts, spoiled };
}

describe.each([
  ['front and worker in one thread', false],
  ['front and worker joined by rings', true],
] as const)('%s', (_name, rings) => {
  test('without a failure every client gets what it wants, the same way each time', () => {
    const first = play(null, rings);
    expect(first.spoiled).toEqual([]);
    expect(play(null, rings)).toEqual(first);
    for (const kind of KINDS) {
      const passes = kind === 'adopt' || kind === 'detach';
      expect([kind, first.counts[kind] > (passes && !rings ? -1 : 2)]).toEqual([kind, true]);
    }
  });

  const { counts } = play(null, rings);
  const ways = KINDS.flatMap((kind) => WAYS[kind].map((way) => [kind, way] as const));
  test.each(ways.filter(([kind]) => counts[kind] > 0))('%s fails: %s', (kind, way) => {
    let spoiled = 0;
    for (let call = 1; call <= counts[kind]; call++) {
      try {
        spoiled += play({ kind, call, way }, rings).spoiled.length;
      } catch (error) {
        throw new Error(`${kind} ${call} of ${counts[kind]}, ${way}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
    // Less than was asked for is no failure; an error is one to somebody.
    if (way === 'would block' || way === 'one byte')
      expect([kind, way, spoiled > 0]).toEqual([kind, way, kind === 'write']);
    else expect(spoiled).toBeGreaterThan(0);
  });
});
