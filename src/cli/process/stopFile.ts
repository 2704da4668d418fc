// <data-dir>/hub.stop or node.stop: `restunnel stop` writes it, and the hub or node that runs there takes it away and drains. Who may write
// into the data directory may stop it. No signal does this on Windows, where SIGTERM ends a process on the spot.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomicSync } from '../../base/atomicFile.ts';
import { CONTROL } from '../../limits/owner.ts';

/** The second one gives open streams no time. */
export type StopOrder = 'drain' | 'now';

export class StopFile {
  readonly path: string;

  constructor(dataDir: string, role: 'hub' | 'node') {
    this.path = join(dataDir, `${role}.stop`);
  }

  /** Errors are the file system's own. */
  write(order: StopOrder): void {
    // Root may stop what another user runs: that user must be able to read it.
    writeFileAtomicSync(this.path, `${order}\n`, 0o644);
  }

  isThere(): boolean {
    return existsSync(this.path);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  /** What is asked, once. A file of unknown content asks for the gentle one; one that cannot be removed asks for nothing. */
  take(): StopOrder | null {
    if (!this.isThere()) return null;
    try {
      const text = readFileSync(this.path, 'utf8');
      this.remove();
      return text.trim() === 'now' ? 'now' : 'drain';
    } catch {
      return null;
    }
  }

  /** With the data directory's lock in hand: one that is there now was meant for a process that has ended. */
  watch(onOrder: (order: StopOrder) => void, everyMs: number = CONTROL.stopCheckMs): void {
    this.take();
    setInterval(() => {
      const order = this.take();
      if (order !== null) onOrder(order);
    }, everyMs).unref();
  }
}
