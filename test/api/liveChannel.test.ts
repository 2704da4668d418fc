// The live channel over real sockets: who watches gets everything, who is slow costs nothing, who leaves is forgotten.

import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Live } from '../../src/api/liveChannel.ts';
import { liveTick } from '../../src/api/schemas/live.ts';
import { UserError } from '../../src/base/userError.ts';
import { DASHBOARD } from '../../src/limits/owner.ts';
import type { LiveTick } from '../../src/model/fleet.ts';
import { type FakeDashboard, type FakeOptions, serveFake } from '../dashboard/serveFake.ts';
import { ask, bearerOf, portOf, sessionOf } from './asker.ts';
import { FakeFleet } from './fakeFleet.ts';
import { FakeResponse } from './fakeResponse.ts';

interface Message {
  readonly event: string;
  readonly tick: LiveTick;
}

const running: FakeDashboard[] = [];
afterEach(async () => {
  for (const fake of running.splice(0)) await fake.close();
});

async function start(...options: FakeOptions): Promise<FakeDashboard> {
  const fake = await serveFake(...options);
  running.push(fake);
  return fake;
}

class Viewer {
  readonly messages: Message[] = [];
  heartbeats = 0;
  ended = false;
  readonly socket: Socket;
  #text = '';
  #inBody = false;

  constructor(fake: FakeDashboard, headers: Readonly<Record<string, string>>) {
    const lines = Object.entries({ Host: `127.0.0.1:${portOf(fake)}`, ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    this.socket = connect(portOf(fake), '127.0.0.1');
    this.socket.write(`GET /api/v1/live HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    this.socket.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.ended = true;
    });
  }

  #hear(text: string): void {
    this.#text += text;
    if (!this.#inBody) {
      const end = this.#text.indexOf('\r\n\r\n');
      if (end < 0) return;
      expect(this.#text.slice(0, end)).toMatch(/^HTTP\/1\.1 200 .*content-type: text\/event-stream/is);
      this.#inBody = true;
      this.#text = this.#text.slice(end + 4);
    }
    // The frames of the chunked coding lie between the lines of data.
    const parts = this.#text.replace(/(?<=\n)\r\n[0-9a-f]+\r\n|^[0-9a-f]+\r\n/g, '').split('\n\n');
    const whole = this.#text.lastIndexOf('\n\n');
    if (whole < 0) return;
    this.#text = this.#text.slice(whole + 2);
    for (const part of parts.slice(0, -1)) {
      if (part.endsWith(':')) this.heartbeats += 1;
      const match = /event: (\w+)\ndata: (.*)$/s.exec(part);
      if (match !== null) this.messages.push({ event: match[1]!, tick: JSON.parse(match[2]!) as LiveTick });
    }
  }
}

async function view(fake: FakeDashboard): Promise<Viewer> {
  const viewer = new Viewer(fake, bearerOf(fake));
  await expect.poll(() => viewer.messages.length).toBe(1);
  return viewer;
}

test('the whole state first, then what changes, then nothing when the hub ends', async () => {
  let nowMs = Date.UTC(2026, 0, 1);
  const fake = await start({ now: () => nowMs });
  const viewer = await view(fake);
  expect(viewer.messages[0]).toMatchObject({ event: 'state', tick: { events: [] } });
  expect(viewer.messages[0]!.tick.nodes.map(({ name }) => name)).toEqual(
    fake.fleet.nodes().map(({ name }) => name),
  );
  fake.fleet.tick();
  await expect.poll(() => viewer.messages.length).toBe(2);
  fake.fleet.change('Pixel 8', { paused: true });
  nowMs += 1;
  fake.fleet.tick();
  await expect.poll(() => viewer.messages.length).toBe(3);
  const { event, tick } = viewer.messages[2]!;
  expect(event).toBe('tick');
  expect(liveTick.safeParse(tick).error).toBeUndefined();
  expect(tick.nodes.find(({ name }) => name === 'Pixel 8')).toMatchObject({ paused: true });
  expect(tick.events).toEqual([expect.objectContaining({ kind: 'changed', nodeName: 'Pixel 8' })]);
  await fake.dashboard.close();
  await expect.poll(() => viewer.ended).toBe(true);
});

test('nobody watches the fleet before the first viewer and after the last', async () => {
  const fake = await start();
  expect(fake.fleet.watchers.size).toBe(0);
  const first = await view(fake);
  const second = await view(fake);
  expect(fake.fleet.watchers.size).toBe(1);
  first.socket.destroy();
  fake.fleet.tick();
  await expect.poll(() => second.messages.length).toBe(2);
  expect(fake.fleet.watchers.size).toBe(1);
  second.socket.end();
  await expect.poll(() => fake.fleet.watchers.size).toBe(0);
  const third = await view(fake);
  expect(fake.fleet.watchers.size).toBe(1);
  third.socket.destroy();
  await expect.poll(() => fake.fleet.watchers.size).toBe(0);
});

test('a tick becomes text once, whoever many look', async () => {
  const fake = await start();
  const viewers = await Promise.all(Array.from({ length: 5 }, () => view(fake)));
  let asked = 0;
  const tick = {
    ...fake.fleet.tick(),
    toJSON() {
      asked += 1;
      return { ...this, toJSON: undefined };
    },
  };
  await expect.poll(() => viewers.every(({ messages }) => messages.length === 2)).toBe(true);
  for (const watcher of fake.fleet.watchers) watcher(tick);
  await expect.poll(() => viewers.every(({ messages }) => messages.length === 3)).toBe(true);
  expect(asked).toBe(1);
});

test('a viewer that reads nothing holds back nobody, skips ticks, and learns everything when it reads again', async () => {
  const fake = await start({ nodes: 200 });
  const slow = await view(fake);
  const quick = await view(fake);
  slow.socket.pause();
  let ticks = 0;
  // Until the kernel's buffers are full and beyond.
  for (; ticks < 150; ticks++) {
    fake.fleet.change('Pixel 8', { tags: [`tick_${ticks}`] });
    fake.fleet.tick();
    await expect.poll(() => quick.messages.length, { interval: 2 }).toBe(ticks + 2);
  }
  slow.socket.resume();
  await expect.poll(() => slow.messages.at(-1)?.tick.nodes.length).toBe(200);
  await expect
    .poll(() => {
      fake.fleet.tick();
      return slow.messages.slice(1).some(({ event }) => event === 'state');
    })
    .toBe(true);
  // It was sent far fewer than there were, and yet it knows the last of them.
  expect(slow.messages.length).toBeLessThan(ticks);
  const seen = slow.messages.flatMap(({ tick }) => tick.nodes).findLast(({ name }) => name === 'Pixel 8')!;
  expect(seen.tags).toEqual([`tick_${ticks - 1}`]);
  const numbers = new Set(slow.messages.flatMap(({ tick }) => tick.events).map(({ number }) => number));
  const last = fake.fleet.latestEvents(0).at(-1)!.number;
  expect(numbers.has(last)).toBe(true);
  const catchUp = slow.messages.slice(1).find(({ event }) => event === 'state')!;
  expect(catchUp.tick.events.length).toBeLessThanOrEqual(DASHBOARD.catchUpEventsMax);
});

test('a quiet channel has a heartbeat', async () => {
  const fake = await start({}, { heartbeatMs: 20 });
  const viewer = await view(fake);
  await expect.poll(() => viewer.heartbeats).toBeGreaterThan(2);
  expect(viewer.messages).toHaveLength(1);
});

test('events come in the order in which they happened, and a viewer that missed some gets no others again', () => {
  const fleet = new FakeFleet({ nodes: 1 });
  const live = new Live({ fleet, now: () => 0 });
  const response = new FakeResponse();
  live.add(response as unknown as ServerResponse, null);
  const happen = (count: number) => {
    for (let at = 0; at < count; at++)
      fleet.change('Pixel 8', { tags: [`t${fleet.latestEvents(0).length}`] });
    fleet.tick();
  };
  const numbers = () => {
    const { events } = JSON.parse(response.written.at(-1)!.split('data: ')[1]!) as LiveTick;
    return events.map(({ number }) => number);
  };
  const before = fleet.latestEvents(0).at(-1)?.number ?? 0;
  happen(3);
  expect(numbers()).toEqual([before + 1, before + 2, before + 3]);
  response.writableNeedDrain = true;
  happen(2);
  response.writableNeedDrain = false;
  happen(0);
  expect(response.written.at(-1)).toMatch(/^event: state\n/);
  expect(numbers()).toEqual([before + 4, before + 5]);
  live.close();
});

test('a viewer that comes while the store cannot be read gets an error, and watches nothing', async () => {
  const fake = await start();
  const { nodes } = fake.fleet;
  fake.fleet.nodes = () => {
    throw new UserError('the store cannot be read');
  };
  const refused = await ask(fake, '/api/v1/live', { headers: bearerOf(fake) });
  expect([refused.status, refused.text]).toEqual([503, expect.stringContaining('the store cannot be read')]);
  expect(fake.fleet.watchers.size).toBe(0);
  fake.fleet.nodes = nodes;
  await view(fake);
});

describe('bounds', () => {
  test('a viewer that takes nothing for a minute is closed, and one that takes it late is not', () => {
    let nowMs = 0;
    const fleet = new FakeFleet({ nodes: 1 });
    const live = new Live({ fleet, now: () => nowMs });
    const [stuck, late] = [new FakeResponse(), new FakeResponse()];
    for (const response of [stuck, late]) live.add(response as unknown as ServerResponse, null);
    stuck.writableNeedDrain = true;
    late.writableNeedDrain = true;
    for (; nowMs < DASHBOARD.viewerStalledMs; nowMs += 1_000) {
      fleet.tick();
      if (nowMs === 30_000) late.writableNeedDrain = false;
    }
    expect([stuck.destroyed, late.destroyed]).toEqual([false, false]);
    fleet.tick();
    expect([stuck.destroyed, late.destroyed, live.viewers]).toEqual([true, false, 1]);
    expect(stuck.written).toHaveLength(1);
    expect(late.written[1]).toMatch(/^event: state\n/);
    expect(late.written[2]).toMatch(/^event: tick\n/);
    live.close();
    expect(fleet.watchers.size).toBe(0);
  });

  test('viewers past the bound are refused, and there is room again when one leaves', async () => {
    const fake = await start();
    const viewers = await Promise.all(Array.from({ length: DASHBOARD.viewersMax }, () => view(fake)));
    const refused = await ask(fake, '/api/v1/live', { headers: bearerOf(fake) });
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('10');
    viewers[0]!.socket.destroy();
    await expect
      .poll(() => {
        const next = new Viewer(fake, bearerOf(fake));
        return new Promise((resolve) =>
          next.socket.once('data', (text: string) => resolve(text.slice(9, 12))),
        );
      })
      .toBe('200');
  });

  test('a viewer that logs out sees no more, and the others go on', async () => {
    const fake = await start();
    const session = await sessionOf(fake);
    const other = await view(fake);
    const own = new Viewer(fake, session);
    await expect.poll(() => own.messages.length).toBe(1);
    await ask(fake, '/api/v1/logout', { method: 'POST', headers: session });
    await expect.poll(() => own.ended).toBe(true);
    fake.fleet.tick();
    await expect.poll(() => other.messages.length).toBe(2);
    expect(own.messages).toHaveLength(1);
  });
});
