// Peers with a valid key that break or bend the protocol, against a running hub and a running node: either the session ends with a reason
// in the log, or it stays within a bound. The honest session beside it keeps transferring, and nothing stays behind.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RATE } from '../../src/limits/session.ts';
import { connectPayload, type Frame, frame, TYPE } from '../tunnel/framesTwin.ts';
import { say } from '../tunnel/rawPeer.ts';
import { freePort } from './freePorts.ts';
import {
  counters,
  type ExitNode,
  eventually,
  type Hub,
  makeLink,
  pairNode,
  socketsOf,
  startHub,
  startNode,
  untilSocketsAreBack,
} from './harness.ts';
import { patternAt } from './pattern.ts';
import { RawHub, RawNode, type RawSession } from './rawSession.ts';
import { httpThrough, Stream } from './stream.ts';
import { Target } from './target.ts';

const FIRST = 0x10000;
const PIECE_BYTES = 100_000;
const MIB = 2 ** 20;
/** What a hostile session may make a process grow by: its queue, its slabs, a window's worth of pending bytes, and the heap's breath. */
const GROWTH_MAX_BYTES = 96 * MIB;

const repeated = (count: number, make: (index: number) => Frame | Frame[]) =>
  Array.from({ length: count }, (_, index) => make(index)).flat();
const ping = () => frame(TYPE.PING, 0, new Uint8Array(8));
const anyFrame = (type: number, id: number, length: number) => frame(type, id, new Uint8Array(length));
const header = (type: number, id: number, length: number) =>
  Uint8Array.of(
    type,
    ...[24, 16, 8, 0].map((shift) => id >>> shift),
    ...[24, 16, 8, 0].map((shift) => length >>> shift),
  );

/** A transfer between an honest client and the target, in pieces that the test asks for. */
class HonestTransfer {
  readonly #client: Stream;
  readonly #target: Target;
  #sent = 0;

  constructor(client: Stream, target: Target) {
    this.#client = client;
    this.#target = target;
  }

  async goOn(): Promise<void> {
    this.#target.held[0]!.write(patternAt(this.#sent, PIECE_BYTES));
    this.#sent += PIECE_BYTES;
    await eventually(() => this.#client.received === this.#sent);
    expect(this.#client.damaged).toBe(false);
  }
}

/** Sends until the peer has had enough. */
async function flood(session: RawSession, make: (round: number) => Frame[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds && !session.closed; round++) await session.send(...make(round));
}

const openSessions: RawSession[] = [];
afterAll(() => {
  for (const { socket } of openSessions) socket.destroy();
});

/** What either kind of peer may do wrong; `id` is a stream that is open. */
type Wrong = readonly [name: string, reason: RegExp, act: (session: RawSession, id: number) => Promise<void>];

const WRONG_BOTH: readonly Wrong[] = [
  [
    'DATA as if there were no windows',
    /DATA beyond the window of its stream/,
    (session, id) => flood(session, () => [say.data(id, 60_000)], 1_000),
  ],
  [
    'a WINDOW beyond the largest',
    /beyond the largest/,
    (session, id) => session.send(say.window(id, 2 ** 32 - 1)),
  ],
  ['a WINDOW of nothing', /a WINDOW of no bytes/, (session, id) => session.send(say.window(id, 0))],
  ['DATA for a stream never opened', /never opened/, (session) => session.send(say.data(0x7000_0001, 1))],
  ['a frame of an unknown type', /unknown type 0x7f/, (session) => session.send(frame(0x7f, 0))],
  [
    'a length past its record',
    /longer than its record/,
    (session, id) => session.sendPlain(header(TYPE.DATA, id, 2 ** 32 - 1)),
  ],
  ['a header cut short', /header is cut/, (session) => session.sendPlain(Uint8Array.of(TYPE.DATA, 0, 1))],
  [
    'a record shorter than its tag',
    /shorter than its tag/,
    (session) => session.sendBytes(Uint8Array.of(0, 15)),
  ],
  [
    'a forged record',
    /does not authenticate/,
    (session) => session.sendBytes(Uint8Array.of(0, 16, ...new Uint8Array(16))),
  ],
  [
    'a record twice',
    /does not authenticate/,
    async (session) => {
      const record = session.sealed(new Uint8Array(0));
      await session.sendBytes(record);
      await session.sendBytes(record);
    },
  ],
  [
    'PINGs, their PONGs unread',
    /too many PINGs/,
    (session) => {
      session.socket.pause();
      return flood(session, () => repeated(16, ping), 1_000);
    },
  ],
  [
    'empty records',
    /say nothing/,
    async (session) => {
      for (let at = 0; at < 4 * RATE.emptyBurst && !session.closed; at++)
        await session.sendPlain(new Uint8Array(0));
    },
  ],
  [
    'empty DATA',
    /say nothing/,
    (session, id) => flood(session, () => repeated(1_000, () => say.data(id, 0)), 10),
  ],
  [
    'PONGs nobody asked for',
    /say nothing/,
    (session) => flood(session, () => repeated(1_000, () => anyFrame(TYPE.PONG, 0, 8)), 10),
  ],
  [
    'GOAWAY over and over',
    /say nothing/,
    (session) => flood(session, () => repeated(1_000, () => frame(TYPE.GOAWAY, 0)), 10),
  ],
];

describe('a hostile node', () => {
  let hub: Hub;
  let honest: ExitNode;
  let target: Target;
  let transfer: HonestTransfer;
  let raw: RawNode;
  let session: RawSession;
  let sockets: number;

  beforeAll(async () => {
    hub = await startHub();
    honest = await pairNode(hub);
    target = await Target.start();
    transfer = new HonestTransfer(await Stream.open(hub.socks, target.port, 'hold'), target);
    await eventually(() => target.held.length === 1);
    await transfer.goOn();
    raw = await RawNode.pair(hub);
    sockets = socketsOf(hub);
  });
  afterAll(() => target.close());

  async function connectRaw(): Promise<void> {
    session = await raw.connect();
    openSessions.push(session);
  }

  /** A stream over the raw node. */
  async function openStream(): Promise<{ id: number; client: Stream }> {
    const client = Stream.open(hub.socks, target.port, 'hold', `test-node-${raw.id}`);
    const { id } = await session.next(TYPE.CONNECT);
    await session.send(say.ok(id));
    return { id, client: await client };
  }

  async function untilGone(reason: RegExp, from: number): Promise<void> {
    const told = (line: { [field: string]: unknown }) =>
      line.msg === 'node disconnected' && line.node === raw.id && reason.test(String(line.reason));
    await eventually(() => hub.log.slice(from).some(told)).catch(() => {
      throw new Error(`no such reason in the log: ${JSON.stringify(hub.log.slice(from))}`);
    });
  }

  async function nothingIsLeft(): Promise<void> {
    await untilSocketsAreBack(hub, sockets);
    await transfer.goOn();
    expect([hub.faults(), honest.faults()]).toEqual([[], []]);
  }

  const WRONG: readonly Wrong[] = [
    ...WRONG_BOTH,
    [
      'a CONNECT',
      /the node sent a CONNECT/,
      (one) => one.send(frame(TYPE.CONNECT, 0x20000, connectPayload('h', 1))),
    ],
    ['CONNECT_OK twice', /answered twice/, (one, id) => one.send(say.ok(id))],
    ['DATA behind the end', /behind the end/, (one, id) => one.send(say.end(id), say.data(id, 1))],
    [
      'STATUS over and over',
      /too many STATUS/,
      (one) => flood(one, () => repeated(100, () => frame(TYPE.STATUS, 0, Buffer.from('{"a":1}'))), 10),
    ],
  ];

  test.each(WRONG)('ends: %s', async (_name, reason, act) => {
    await connectRaw();
    const { id, client } = await openStream();
    // What the client does not read, the hub holds within the window.
    client.socket.pause();
    const from = hub.log.length;
    await act(session, id);
    await untilGone(reason, from);
    await session.untilClosed();
    client.socket.resume();
    await client.over;
    await nothingIsLeft();
  });

  test('is bounded: frames for streams closed long ago', async () => {
    await connectRaw();
    const { id, client } = await openStream();
    await session.send(say.abort(id));
    await client.over;
    const late = [say.data(id, 100), say.window(id, 1), say.end(id), say.abort(id), say.ok(id)];
    await flood(session, () => repeated(100, () => late), 20);
    await session.settled();
    session.socket.destroy();
    await nothingIsLeft();
  });

  test('is bounded: MadeYouReset, responses that make the hub give every stream up', async () => {
    await connectRaw();
    for (let round = 0; round < 50; round++) {
      const answer = httpThrough(hub.http, `http://127.0.0.1:${target.port}/`, `test-node-${raw.id}`);
      const { id } = await session.next(TYPE.CONNECT);
      await session.send(say.ok(id), frame(TYPE.DATA, id, Buffer.from('HTTP/9.9 what\r\n\r\n')));
      expect((await answer).status).toBe(502);
      expect((await session.next(TYPE.CLOSE)).id).toBe(id);
    }
    await session.settled();
    session.socket.destroy();
    await nothingIsLeft();
  });

  test('is bounded: a node that never reads, with a client that uploads without end', async () => {
    await connectRaw();
    const { id, client } = await openStream();
    const from = hub.log.length;
    const before = counters(hub.pid).rssBytes;
    session.socket.pause();
    client.upload(Number.POSITIVE_INFINITY);
    for (let round = 0; round < 20; round++) {
      // It talks all the while.
      await session.send(say.window(id, 1));
      await transfer.goOn();
    }
    // Not yet: SESSION.stalledMs has not passed.
    expect(hub.log.slice(from)).toEqual([]);
    expect(counters(hub.pid).rssBytes - before).toBeLessThan(GROWTH_MAX_BYTES);
    session.socket.destroy();
    client.socket.destroy();
    await nothingIsLeft();
  });

  test('is bounded: one byte of a record, then nothing', async () => {
    await connectRaw();
    const from = hub.log.length;
    await session.sendBytes(Uint8Array.of(0));
    for (let round = 0; round < 20; round++) await transfer.goOn();
    expect(hub.log.slice(from)).toEqual([]);
    session.socket.destroy();
    await nothingIsLeft();
  });
});

describe('a hostile hub', () => {
  let hub: Hub;
  let node: ExitNode;
  let target: Target;
  let transfer: HonestTransfer;
  let sockets: number;
  /** One for each case: the node's pauses before it dials again would be long. */
  const raws = new Map<string, RawHub>();

  const connectTo = (id: number, port: number) => frame(TYPE.CONNECT, id, connectPayload('127.0.0.1', port));

  const WRONG: readonly Wrong[] = [
    ...WRONG_BOTH.filter(([name]) => !name.startsWith('GOAWAY')),
    ['a STATUS', /the hub sent a STATUS/, (one) => one.send(frame(TYPE.STATUS, 0, Buffer.from('{}')))],
    ['an id in use', /id that is in use/, (one, id) => one.send(connectTo(id, target.port))],
    ['a slot in use', /id that is in use/, (one, id) => one.send(connectTo(id + FIRST, target.port))],
    [
      'an id again, at once',
      /id that is in use/,
      (one, id) => one.send(say.abort(id), connectTo(id, target.port)),
    ],
    [
      'Rapid Reset',
      /too many streams given up/,
      (one) =>
        flood(
          one,
          (round) =>
            repeated(500, (index) => {
              const id = (round + 1) * FIRST + 1 + index;
              return [connectTo(id, target.port), say.abort(id)];
            }),
          1_000,
        ),
    ],
  ];
  const BOUNDED = ['openings', 'unread', 'byte'] as const;

  beforeAll(async () => {
    hub = await startHub();
    target = await Target.start();
    for (const name of [...WRONG.map(([name]) => name), ...BOUNDED]) raws.set(name, await RawHub.start());
    const links = [(await makeLink(hub)).link, ...[...raws.values()].map(({ link }) => link)];
    node = await startNode({ links });
    await eventually(() => hub.log.some(({ msg }) => msg === 'node connected'));
    transfer = new HonestTransfer(await Stream.open(hub.socks, target.port, 'hold'), target);
    await eventually(() => target.held.length === 1);
    await transfer.goOn();
  });
  afterAll(() => {
    for (const raw of raws.values()) raw.close();
    return target.close();
  });

  /** The session of a case, with a stream to the target that nobody reads. */
  async function begin(name: string, order: string): Promise<{ session: RawSession; id: number }> {
    const session = await raws.get(name)!.session();
    raws.get(name)!.close();
    openSessions.push(session);
    sockets = socketsOf(node);
    await session.send(connectTo(FIRST, target.port), frame(TYPE.DATA, FIRST, Buffer.from(`${order}\n`)));
    expect((await session.next(TYPE.CONNECT_OK)).id).toBe(FIRST);
    return { session, id: FIRST };
  }

  /** The raw session's own socket is also gone. */
  async function nothingIsLeft(): Promise<void> {
    await untilSocketsAreBack(node, sockets - 1);
    await eventually(() => target.open.size === 1);
    await transfer.goOn();
    expect([hub.faults(), node.faults()]).toEqual([[], []]);
  }

  test.each(WRONG)('ends: %s', async (name, reason, act) => {
    const { session, id } = await begin(name, 'hold');
    await eventually(() => target.held.length === 2);
    const stuck = target.held.pop()!;
    stuck.pause();
    await act(session, id);
    const about = raws.get(name)!.name;
    await node.waitForLog((line) => line.hub === about && reason.test(line.msg));
    await session.untilClosed();
    stuck.resume();
    await nothingIsLeft();
  });

  test('is bounded: streams to a target that refuses, with the answers unread', async () => {
    const { session } = await begin('openings', 'hold');
    // Nobody listens there.
    const port = freePort();
    session.socket.pause();
    const before = counters(node.pid).rssBytes;
    await flood(
      session,
      (round) => repeated(500, (index) => connectTo((round + 1) * FIRST + 1 + index, port)),
      1,
    );
    for (let round = 0; round < 5; round++) await transfer.goOn();
    session.socket.resume();
    for (let answers = 0; answers < 500; answers++) await session.next(TYPE.CONNECT_FAIL);
    expect(counters(node.pid).rssBytes - before).toBeLessThan(GROWTH_MAX_BYTES);
    target.held.pop();
    session.socket.destroy();
    await nothingIsLeft();
  });

  test('is bounded: a hub that never reads, with targets that send without end', async () => {
    const { session } = await begin('unread', 'flood');
    const before = counters(node.pid).rssBytes;
    session.socket.pause();
    const streams = repeated(20, (index) => {
      const id = FIRST + 1 + index;
      return [
        connectTo(id, target.port),
        frame(TYPE.DATA, id, Buffer.from('flood\n')),
        say.window(id, 8 * MIB),
      ];
    });
    await session.send(...streams);
    await eventually(() => target.open.size >= 22);
    for (let round = 0; round < 20; round++) await transfer.goOn();
    expect(counters(node.pid).rssBytes - before).toBeLessThan(GROWTH_MAX_BYTES);
    session.socket.destroy();
    await nothingIsLeft();
  });

  test('is bounded: one byte of a record, then nothing', async () => {
    const { session } = await begin('byte', 'flood');
    await session.sendBytes(Uint8Array.of(0));
    for (let round = 0; round < 20; round++) await transfer.goOn();
    session.socket.destroy();
    await nothingIsLeft();
  });
});
