// What a process gives back after its start: which mappings may go, and that they do.

import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { cleanFileMappings } from '../../src/boot/giveBack.ts';
import { MEMORY } from '../../src/limits/engine.ts';
import { endAll, eventually, startHub } from '../system/harness.ts';

afterAll(endAll);

function mapping(head: string, privateDirtyKb: number, anonymousKb: number): string {
  return `${head}
Size:                  8 kB
Rss:                   8 kB
Private_Clean:         8 kB
Private_Dirty:  ${String(privateDirtyKb).padStart(8)} kB
Anonymous:      ${String(anonymousKb).padStart(8)} kB
VmFlags: rd ex mr mw me
`;
}

test('only mappings of files that nobody wrote to or can write to', () => {
  const smaps = [
    mapping('00400000-00402000 r--p 00000000 fe:00 9   /usr/bin/node', 0, 0),
    mapping('7f0000001000-7f0000003000 r-xp 00002000 fe:00 9   /usr/bin/node', 0, 0),
    mapping('7f0000003000-7f0000005000 r--p 00004000 fe:00 9   /relocated', 8, 8),
    mapping('7f0000005000-7f0000007000 r--p 00004000 fe:00 9   /swapped back', 0, 8),
    mapping('7f0000007000-7f0000009000 rw-p 00004000 fe:00 9   /data', 0, 0),
    mapping('7f0000009000-7f000000b000 r--s 00004000 fe:00 9   /shared', 0, 0),
    mapping('7f000000b000-7f000000d000 r-xp 00000000 00:00 0   [vdso]', 0, 0),
    mapping('7f000000d000-7f000000f000 r-xp 00000000 00:00 0 ', 0, 0),
  ].join('');
  expect(cleanFileMappings(smaps)).toEqual([
    { start: 0x400000, bytes: 0x2000 },
    { start: 0x7f0000001000, bytes: 0x2000 },
  ]);
});

test.skipIf(process.platform !== 'linux')('a hub at rest has few pages of files mapped', async () => {
  const hub = await startHub();
  const fileKb = () => Number(/^RssFile:\s+(\d+)/m.exec(readFileSync(`/proc/${hub.pid}/status`, 'utf8'))![1]);
  const atStartKb = fileKb();
  await eventually(() => expect(fileKb()).toBeLessThan(0.7 * atStartKb), MEMORY.giveBackAfterMs[0] + 30_000);
  expect(hub.faults()).toEqual([]);
  expect(await hub.stop()).toEqual({ code: 0, signal: null });
});
