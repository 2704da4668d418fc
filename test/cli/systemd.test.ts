// What a service manager hears of us, and that it hears nothing more from a process whose engine hangs.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { underSystemd, type Watched } from '../../src/cli/process/systemd.ts';
import { loadLibc } from '../../src/reactor/libc.ts';
import { NotifySocket } from './notifySocket.ts';

let dir: string;
let socket: NotifySocket;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-notify-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Something that runs, and can be made to hang. */
class Running implements Watched {
  readonly ended = new Promise<null>(() => {});
  hangs = false;
  asked = 0;
  stops = 0;
  words = 'all is well';
  alive(): Promise<void> {
    this.asked++;
    return this.hangs ? new Promise(() => {}) : Promise.resolve();
  }
  summary(): string {
    return this.words;
  }
  async stop(): Promise<void> {
    this.stops++;
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe.skipIf(loadLibc() === null)('with libc', () => {
  test.each([
    ['a path', () => join(dir, 'notify')],
    ['a name in the abstract namespace', () => `@restunnel-${process.pid}-${Date.now()}`],
  ])('ready, alive while it answers, stopping once: %s', async (_what, pathOf) => {
    const path = pathOf();
    socket = NotifySocket.bind(path)!;
    const running = new Running();
    const service = underSystemd(running, {
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: '20000',
      WATCHDOG_PID: String(process.pid),
    });
    await until(() => socket.count('WATCHDOG=1') >= 3);
    expect(socket.received[0]).toBe('READY=1\nSTATUS=all is well');
    running.words = 'other words';
    await until(() => socket.count('STATUS=other words') >= 1);
    await Promise.all([service.stop(), service.stop()]);
    await until(() => socket.count('STOPPING=1') >= 1);
    expect([running.stops, socket.count('READY=1'), socket.count('STOPPING=1')]).toEqual([2, 1, 1]);
    socket.close();
  });

  test('no answer, no sign of life', async () => {
    const path = join(dir, 'notify');
    socket = NotifySocket.bind(path)!;
    const running = new Running();
    const service = underSystemd(running, { NOTIFY_SOCKET: path, WATCHDOG_USEC: '20000' });
    await until(() => socket.count('WATCHDOG=1') >= 1);
    running.hangs = true;
    const { asked } = running;
    await until(() => running.asked > asked);
    // A second service on the same beat shows how many signs of life there would have been.
    const otherPath = join(dir, 'other');
    const other = NotifySocket.bind(otherPath)!;
    const beat = underSystemd(new Running(), { NOTIFY_SOCKET: otherPath, WATCHDOG_USEC: '20000' });
    const heard = socket.count('WATCHDOG=1');
    await until(() => other.count('WATCHDOG=1') >= 10);
    expect(socket.count('WATCHDOG=1') - heard).toBeLessThanOrEqual(1);
    expect(running.asked).toBe(asked + 1);
    await Promise.all([service.stop(), beat.stop()]);
    socket.close();
    other.close();
  });

  test('a watchdog for another process is not ours to feed', async () => {
    const path = join(dir, 'notify');
    socket = NotifySocket.bind(path)!;
    const running = new Running();
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' };
    const service = underSystemd(running, env);
    await until(() => socket.count('READY=1') === 1);
    await service.stop();
    await until(() => socket.count('STOPPING=1') === 1);
    expect([running.asked, socket.count('WATCHDOG=1')]).toEqual([0, 0]);
    socket.close();
  });

  test('nobody at the other end is no harm', async () => {
    const running = new Running();
    const service = underSystemd(running, { NOTIFY_SOCKET: join(dir, 'nobody'), WATCHDOG_USEC: '2000' });
    await until(() => running.asked >= 3);
    await service.stop();
    expect(running.stops).toBe(1);
  });
});

test.each(['', 'relative', `/${'x'.repeat(200)}`])('NOTIFY_SOCKET=%s: nothing is in between', (path) => {
  const running = new Running();
  expect(underSystemd(running, { NOTIFY_SOCKET: path })).toBe(running);
  expect(underSystemd(running, {})).toBe(running);
});
