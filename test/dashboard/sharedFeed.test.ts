// Pages of one browser share a live channel: one reads, all hear, and the next one takes over. Web Locks and BroadcastChannel are Node's own.

import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { followTogether } from '../../src/dashboard/pages/sharedFeed.ts';
import type { LiveTick } from '../../src/model/fleet.ts';
import { eventually } from '../system/harness.ts';

const pages: Page[] = [];

/** A page that follows, over a hub that ticks when the test says so. */
class Page {
  readonly heard: string[] = [];
  opened = 0;
  ended: unknown = null;
  /** The page reads the hub's channel while it is not null. */
  tell: ((tick: LiveTick) => void) | null = null;
  fail: (error: Error) => void = () => {};
  readonly #abort = new AbortController();
  readonly #over: Promise<void>;

  constructor({ whenOpened = Promise.resolve() }: { whenOpened?: Promise<void> } = {}) {
    pages.push(this);
    const { signal } = this.#abort;
    const feed = {
      tick: ({ at }: LiveTick) => void this.heard.push(at),
      opened: () => {
        this.opened += 1;
        return whenOpened;
      },
      read: (told: (tick: LiveTick) => void) =>
        new Promise<void>((_, reject) => {
          this.tell = told;
          this.fail = reject;
          signal.addEventListener('abort', () => reject(signal.reason));
        }).finally(() => {
          this.tell = null;
        }),
    };
    this.#over = followTogether(feed, signal).catch((error: unknown) => {
      this.ended = error;
    });
  }

  async leave(): Promise<void> {
    this.#abort.abort('hidden');
    await this.#over;
  }
}

const tickOf = (at: string): LiveTick => ({ at, nodes: [], events: [] }) as unknown as LiveTick;
const readers = (): Page[] => pages.filter(({ tell }) => tell !== null);

async function reader(): Promise<Page> {
  await eventually(async () => expect(readers().length).toBe(1));
  return readers()[0]!;
}

afterEach(async () => {
  for (const page of pages.splice(0)) await page.leave();
});

describe('the live channel of seven pages', () => {
  it('is read once, and heard by all', async () => {
    for (let at = 0; at < 7; at++) new Page();
    const leader = await reader();
    await eventually(async () => expect(pages.filter(({ opened }) => opened === 1).length).toBe(6));
    await turn();
    leader.tell!(tickOf('1'));
    leader.tell!(tickOf('2'));
    await eventually(async () =>
      expect(pages.map(({ heard }) => heard)).toEqual(pages.map(() => ['1', '2'])),
    );
  });

  it('goes to another page when its reader leaves, or loses the hub', async () => {
    for (let at = 0; at < 3; at++) new Page();
    const first = await reader();
    await first.leave();
    const second = await reader();
    expect(second).not.toBe(first);
    second.fail(new Error('the live channel ended'));
    await eventually(async () => expect(readers().length).toBe(1));
    const third = await reader();
    expect([first.ended, second.ended]).toEqual(['hidden', new Error('the live channel ended')]);
    third.tell!(tickOf('3'));
    expect(third.heard).toEqual(['3']);
    expect(first.heard).toEqual([]);
  });

  it('leaves nothing behind when a listening page goes', async () => {
    const leader = new Page();
    await reader();
    const other = new Page();
    await eventually(async () => expect(other.opened).toBe(1));
    await other.leave();
    expect(other.ended).toBe('hidden');
    await leader.leave();
    expect(readers()).toEqual([]);
    new Page();
    await reader();
  });

  it('tells a page what came while it asked for the state, and afterwards', async () => {
    new Page();
    const leader = await reader();
    let arrived = (): void => {};
    const late = new Page({ whenOpened: new Promise<void>((resolve) => (arrived = resolve)) });
    await eventually(async () => expect(late.opened).toBe(1));
    leader.tell!(tickOf('1'));
    await turn();
    expect(late.heard).toEqual([]);
    arrived();
    await eventually(async () => expect(late.heard).toEqual(['1']));
  });
});
