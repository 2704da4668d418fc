// Two devices with one key: a data directory that was copied. They do not take each other's place for ever.

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { EventRecord } from '../../src/model/fleet.ts';
import { endAll, eventually, launchNode, makeTempDir, pairNode, runCommand, startHub } from './harness.ts';
import { nodeOf } from './ownerOf.ts';
import { Stream } from './stream.ts';
import { Target } from './target.ts';

afterEach(endAll);

const SENT_AWAY = /^another device with the same key is connected to this hub/;

test('one of them goes on, the other waits and says why, and the owner sees both', {
  timeout: 240_000,
}, async () => {
  const target = await Target.start();
  try {
    const hub = await startHub();
    const original = await pairNode(hub, { args: ['--name', 'phone'] });
    const { nodeId } = original.ready;
    const dataDir = makeTempDir();
    for (const name of ['node_key.bin', 'node.json'])
      cpSync(join(original.dataDir, name), join(dataDir, name));
    const copy = launchNode({ dataDir });
    await hub.waitForLog(({ msg }) => msg.startsWith('two devices have the same key'), 120_000);
    await Promise.any(
      [original, copy].map((node) => node.waitForLog(({ msg }) => SENT_AWAY.test(msg), 120_000)),
    );
    const { stdout } = await runCommand(['events', '--json', '--limit', '1000'], hub.dataDir);
    const events = JSON.parse(stdout) as EventRecord[];
    expect(events.filter(({ kind, nodeId: of }) => kind === 'warning' && of === nodeId).length).toBe(1);
    const comings = events.map(({ kind }) => kind).filter((kind) => /connected$/.test(kind));
    expect(comings.length).toBeGreaterThan(6);
    comings.forEach((kind, at) => {
      expect(kind).toBe(at % 2 === 0 ? comings[0] : comings[1]);
    });
    await eventually(async () => {
      expect(await nodeOf(hub, nodeId)).toMatchObject({ connected: true, keyShared: true, lanes: 1 });
    });
    expect((await runCommand(['nodes'], hub.dataDir)).stdout).toMatch(/NOTE\n.*two devices have its key/);
    const stream = await Stream.open(hub.socks, target.port, 'echo');
    stream.socket.destroy();
  } finally {
    target.close();
  }
});
