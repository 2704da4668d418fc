// The lock of a hub's data directory, for the hub and for the commands that do its work while none runs: only one of them at a time.

import { setTimeout as delay } from 'node:timers/promises';
import { connectOwner } from '../api/ownerConnection.ts';
import { type DataDirLock, heldElsewhere, tryLockDataDir } from '../base/dataDirLock.ts';
import { UserError } from '../base/userError.ts';
import { CONTROL } from '../limits/owner.ts';

/** Those that are not released: a lock that nobody refers to is collected as garbage, and released by that. */
const held = new Set<DataDirLock>();

/**
 * Waits for a command that is at work in the directory, and for a hub that is about to be gone.
 * Rejects with UserError when a hub runs there.
 */
export async function lockForHub(dataDir: string): Promise<DataDirLock> {
  const untilMs = performance.now() + CONTROL.lockWaitMs;
  for (;;) {
    const lock = tryLock(dataDir);
    if (lock !== null) return lock;
    if (performance.now() > untilMs || (await isServed(dataDir))) {
      throw heldElsewhere(dataDir, 'hub');
    }
    await delay(CONTROL.lockRetryMs);
  }
}

/** null when somebody holds it. */
export function tryLock(dataDir: string): DataDirLock | null {
  const lock = tryLockDataDir(dataDir, 'hub');
  if (lock === null) return null;
  held.add(lock);
  return {
    release() {
      if (held.delete(lock)) lock.release();
    },
  };
}

async function isServed(dataDir: string): Promise<boolean> {
  const socket = await connectOwner(dataDir).catch((error: NodeJS.ErrnoException) => {
    // A path that is too long.
    if (error instanceof UserError) throw error;
    return null;
  });
  socket?.destroy();
  return socket !== null;
}
