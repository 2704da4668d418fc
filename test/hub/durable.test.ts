// What the store has acknowledged is on the disk: the system calls between a change and its return.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { needs } from '../require.ts';

const strace = needs('strace');

/** Fsyncs of the store's files while each step ran, by its name. */
function syncsOf(steps: Readonly<Record<string, string>>): Record<string, number> {
  const dir = mkdtempSync(join(tmpdir(), 'restunnel-durable-'));
  const trace = join(dir, 'trace');
  const url = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const script = `
    const { writeSync } = await import('node:fs');
    const { Store } = await import(${url('hub/store/store.ts')});
    const { timestampAfter } = await import(${url('noise/timestamp.ts')});
    const bytes = (value) => new Uint8Array(32).fill(value);
    const tokenOf = (value) => store.tokens.create({ ttlMs: 60_000, nowMs: 1_000, random: bytes(value) }).token;
    const knock = (key, atMs, token = null) =>
      ({ publicKey: bytes(key), timestamp: timestampAfter(atMs, null), enroll: token && { token, name: '' }, nowMs: atMs });
    const store = new Store(${JSON.stringify(dir)});
    const used = tokenOf(100);
    const cancelled = tokenOf(101);
    store.admit(knock(1, 1_000, tokenOf(102)));
    store.admit(knock(2, 1_000, tokenOf(103)));
    const limits = { streams: null, tags: null };
    ${Object.entries(steps)
      .map(([name, code]) => `writeSync(1, 'step ${name}\\n'); ${code};`)
      .join('\n    ')}
    writeSync(1, 'step end\\n');
  `;
  try {
    const args = ['-f', '-y', '-e', 'trace=write,fsync,fdatasync', '-o', trace];
    const node = [process.execPath, '--input-type=module', '-e', script];
    const { status, stderr } = spawnSync('strace', [...args, ...node], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const syncs: Record<string, number> = {};
    let step = '';
    for (const line of readFileSync(trace, 'utf8').split('\n')) {
      const marker = /write\(1\S*, "step (\w+)/.exec(line);
      if (marker !== null) step = marker[1]!;
      else if (step in steps && /f(data)?sync\(\d+<[^>]*hub\.db-wal>/.test(line)) {
        syncs[step] = (syncs[step] ?? 0) + 1;
      }
    }
    return syncs;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test.skipIf(strace.skip)(
  `acknowledged changes are synced, once for all that came together ${strace.why}`,
  () => {
    const syncs = syncsOf({
      use: 'store.admit(knock(3, 1_000, used))',
      cancel: 'store.tokens.cancel(cancelled, 1_000)',
      reconnect: 'store.admitAll([knock(1, 2_000), knock(2, 2_000), knock(3, 2_000)])',
      refuse: 'store.admitAll([knock(1, 2_000), knock(9, 2_000)])',
      seen: 'store.record({ seen: new Map([[store.listNodes()[0].id, 3_000]]), events: [] })',
      revoke: 'store.revokeNode(store.listNodes()[0].id, 3_000)',
      addUser: 'store.users.add("ann", "hash", limits, 3_000)',
      changeUser: 'store.users.change("ann", { hash: "other" }, 3_000)',
      removeUser: 'store.users.remove("ann")',
    });
    expect(syncs).toEqual({
      use: 1,
      cancel: 1,
      reconnect: 1,
      revoke: 1,
      addUser: 1,
      changeUser: 1,
      removeUser: 1,
    });
  },
);
