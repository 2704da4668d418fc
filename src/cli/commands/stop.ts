// `restunnel stop`: the hub or the node that runs in a data directory drains and ends, on every system alike.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLockDataDir } from '../../base/dataDirLock.ts';
import { UserError } from '../../base/userError.ts';
import { reasonOf, resolveDataDir } from '../../boot/dataDir.ts';
import { CONTROL } from '../../limits/owner.ts';
import { StopFile, type StopOrder } from '../process/stopFile.ts';
import { ROLES, type Role } from '../service/service.ts';

export interface StopFlags {
  dataDir?: string;
  now?: boolean;
}

/** Resolves once it has ended. */
export async function runStop(role: Role | undefined, flags: StopFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  const chosen = runningRole(dataDir, role);
  await stopRunning(dataDir, chosen, flags.now === true ? 'now' : 'drain', () =>
    process.stderr.write(`the ${chosen} is stopping: open streams get the time that its --drain says\n`),
  );
  process.stdout.write(`the ${chosen} in ${dataDir} has stopped\n`);
}

/**
 * Resolves once it has ended, at once when none runs. Rejects with UserError when it does not take the order.
 * @param onTaken when it has
 */
export async function stopRunning(
  dataDir: string,
  role: Role,
  order: StopOrder,
  onTaken: () => void = () => {},
  takeMs: number = CONTROL.stopTakeMs,
): Promise<void> {
  const file = new StopFile(dataDir, role);
  const giveUpMs = performance.now() + takeMs;
  let isTaken = false;
  try {
    for (let round = 0; isRunning(dataDir, role); round++) {
      if (!isTaken && round > 0 && !file.isThere()) {
        isTaken = true;
        if (order === 'drain') onTaken();
      }
      const isLate = performance.now() > giveUpMs;
      if (isLate && !isTaken) {
        throw new UserError(
          `a ${role} holds ${dataDir} but does not take the order to stop: it hangs, or is of an older version; end its process`,
        );
      }
      // Again for a while: one that was just starting threw away what it found, and another command may have written over it. Who takes
      // it counts no order twice.
      if (round === 0 || (!isLate && !file.isThere())) write(file, order);
      await delay(CONTROL.stopCheckMs / 2);
    }
  } finally {
    file.remove();
  }
}

function write(file: StopFile, order: StopOrder): void {
  try {
    file.write(order);
  } catch (error) {
    throw new UserError(`cannot write ${file.path}: ${reasonOf(error)}`);
  }
}

function runningRole(dataDir: string, role: Role | undefined): Role {
  const running = ROLES.filter((each) => isRunning(dataDir, each));
  if (role !== undefined && !running.includes(role)) throw new UserError(`no ${role} runs in ${dataDir}`);
  const [only, another] = role === undefined ? running : [role];
  if (only === undefined) throw new UserError(`nothing runs in ${dataDir}; give its --data-dir`);
  if (another !== undefined)
    throw new UserError('hub and node both run here: say restunnel stop hub, or restunnel stop node', 2);
  return only;
}

function isRunning(dataDir: string, role: Role): boolean {
  // The lock would make its file.
  if (!existsSync(join(dataDir, `${role}.lock`))) return false;
  const lock = tryLockDataDir(dataDir, role);
  lock?.release();
  return lock === null;
}
