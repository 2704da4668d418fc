// `restunnel stop`: the order in the data directory, from the command that writes it to the process that takes it.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DataDirLock, lockDataDir } from '../../src/base/dataDirLock.ts';
import { runStop, stopRunning } from '../../src/cli/commands/stop.ts';
import { StopFile, type StopOrder } from '../../src/cli/process/stopFile.ts';

let dir: string;
const locks = new Set<DataDirLock>();
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-stop-'));
});
afterEach(() => {
  for (const lock of [...locks]) lock.release();
  rmSync(dir, { recursive: true });
});

function hold(role: 'hub' | 'node'): DataDirLock {
  const held = lockDataDir(dir, role);
  const lock = {
    release() {
      if (locks.delete(lock)) held.release();
    },
  };
  locks.add(lock);
  return lock;
}

describe('the order', () => {
  test.each<StopOrder>(['drain', 'now'])('%s is taken once', (order) => {
    const file = new StopFile(dir, 'hub');
    expect(file.take()).toBe(null);
    file.write(order);
    expect(file.take()).toBe(order);
    expect(file.take()).toBe(null);
    expect(existsSync(file.path)).toBe(false);
  });

  test('one that nobody understands is the gentle one', () => {
    const file = new StopFile(dir, 'node');
    writeFileSync(file.path, 'please');
    expect(file.take()).toBe('drain');
  });

  test('of before the start concerns nobody', async () => {
    const file = new StopFile(dir, 'hub');
    file.write('now');
    const orders: StopOrder[] = [];
    const first = new Promise<void>((resolve) => {
      file.watch((order) => {
        orders.push(order);
        resolve();
      }, 1);
    });
    expect(file.isThere()).toBe(false);
    file.write('drain');
    await first;
    expect(orders).toEqual(['drain']);
  });
});

describe('the command', () => {
  test.each(['hub', 'node'] as const)('waits until the %s has let go of its directory', async (role) => {
    const lock = hold(role);
    const orders: StopOrder[] = [];
    new StopFile(dir, role).watch((order) => {
      orders.push(order);
      lock.release();
    }, 1);
    await stopRunning(dir, role, 'now');
    expect(orders[0]).toBe('now');
    expect(new StopFile(dir, role).isThere()).toBe(false);
  });

  test('says so when the order was taken and the drain goes on', async () => {
    const lock = hold('hub');
    new StopFile(dir, 'hub').watch(() => {}, 1);
    let isTold = false;
    await stopRunning(dir, 'hub', 'drain', () => {
      isTold = true;
      lock.release();
    });
    expect(isTold).toBe(true);
  });

  test('gives up on one that takes no order, and leaves none behind', async () => {
    hold('node');
    await expect(stopRunning(dir, 'node', 'drain', () => {}, 1)).rejects.toThrow(
      `a node holds ${dir} but does not take the order to stop`,
    );
    expect(new StopFile(dir, 'node').isThere()).toBe(false);
  });

  test('has nothing to do where nothing runs, and asks which where both do', async () => {
    await expect(runStop(undefined, { dataDir: dir })).rejects.toThrow(`nothing runs in ${dir}`);
    await expect(runStop('hub', { dataDir: dir })).rejects.toThrow(`no hub runs in ${dir}`);
    hold('hub').release();
    await expect(runStop('hub', { dataDir: dir })).rejects.toThrow(`no hub runs in ${dir}`);
    hold('hub');
    hold('node');
    await expect(runStop(undefined, { dataDir: dir })).rejects.toThrow('say restunnel stop hub, or');
  });
});
