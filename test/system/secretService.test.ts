// Keys in the Secret Service of a desktop session, gnome-keyring's: made, used, moved, found again in the next session, and not replaced
// while the keyring is locked.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { needs } from '../require.ts';
import { launchHub, listNodes, makeTempDir, runCommand, startQuickstart } from './harness.ts';
import { KEYRING_PROGRAMS, KeyringSession } from './keyringSession.ts';
import { openStreams } from './stream.ts';
import { Target } from './target.ts';

const { skip, why } = needs(...KEYRING_PROGRAMS);
const IN_KEYRING = ['--key-store', 'secret-service'];

let session: KeyringSession | null = null;
async function begin(home: string, state: 'unlocked' | 'locked'): Promise<void> {
  session = await KeyringSession.start(home, state);
  process.env.DBUS_SESSION_BUS_ADDRESS = session.busAddress;
}
async function end(): Promise<void> {
  delete process.env.DBUS_SESSION_BUS_ADDRESS;
  await session?.end();
  session = null;
}
afterEach(end);

const keyFiles = (dataDir: string) =>
  readdirSync(dataDir).filter((name) => name.startsWith('hub_key') || name.startsWith('node_key'));

test.skipIf(skip)(
  `hub and node serve by keys in the keyring, session after session ${why}`,
  { timeout: 120_000 },
  async () => {
    const home = makeTempDir();
    await begin(home, 'unlocked');
    const target = await Target.start();
    const first = await startQuickstart({ args: IN_KEYRING });
    const { dataDir } = first;
    const { publicKey } = first.ready;
    const [stream] = await openStreams(first.socks, target.port, 'hold', 1);
    stream!.socket.destroy();
    expect(keyFiles(dataDir)).toEqual(['hub_key.json']);
    expect(keyFiles(join(dataDir, 'quickstart-node'))).toEqual(['node_key.json']);
    await expect(runCommand(['key', 'move', '--to', 'file'], dataDir)).rejects.toThrow(
      `a hub runs in ${dataDir}: stop it first`,
    );
    await first.stop();

    const shown = async () => JSON.parse((await runCommand(['key', '--json'], dataDir)).stdout);
    expect(await shown()).toMatchObject([{ role: 'hub', store: 'secret-service', publicKey }]);
    await runCommand(['key', 'move', '--to', 'file'], dataDir);
    expect(keyFiles(dataDir)).toEqual(['hub_key.bin']);
    expect(await shown()).toMatchObject([{ role: 'hub', store: 'file', publicKey }]);
    // Without the hub, the commands find key and store together.
    expect(await listNodes(first)).toHaveLength(1);
    await runCommand(['key', 'move', '--to', 'secret-service'], dataDir);
    expect(keyFiles(dataDir)).toEqual(['hub_key.json']);
    await end();

    await begin(home, 'unlocked');
    const second = await startQuickstart({ dataDir });
    expect(second.ready.publicKey).toBe(publicKey);
    expect(await listNodes(second)).toHaveLength(1);
    await openStreams(second.socks, target.port, 'hold', 1);
    await second.stop({ atOnce: true });
    await end();

    await begin(home, 'locked');
    const hub = launchHub({ dataDir });
    expect(await hub.exited).toEqual({ code: 1, signal: null });
    expect(hub.complaints.join()).toContain('is in the Secret Service, which cannot be read');
    await end();

    // Without a session there is nobody to ask.
    const alone = launchHub({ dataDir });
    expect(await alone.exited).toEqual({ code: 1, signal: null });
    expect(alone.complaints.join()).toContain('is in the Secret Service, which cannot be read');
    expect(keyFiles(dataDir)).toEqual(['hub_key.json']);
    await target.close();
  },
);

test.skipIf(skip)(
  `a keyring that is locked takes no new key, and the hub says how to go on ${why}`,
  async () => {
    await begin(makeTempDir(), 'locked');
    const hub = launchHub({ args: IN_KEYRING });
    expect(await hub.exited).toEqual({ code: 1, signal: null });
    expect(hub.complaints.join()).toMatch(
      /the Secret Service does not take the key: .*; --key-store file keeps it in a file/,
    );
    expect(keyFiles(hub.dataDir)).toEqual([]);
  },
);
