// Room on the disk that the hub keeps for its end: when the disk is full by then, what only memory knows still fits.

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { RESERVE } from '../../limits/owner.ts';

export class Reserve {
  readonly #path: string;

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'hub.reserve');
  }

  /** Unless it is there, or the disk has little room for others. Tries again the next time when it fails. */
  fill(): void {
    if (existsSync(this.#path)) return;
    const unfinished = `${this.#path}.tmp`;
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      if (bavail * bsize < RESERVE.freeDivisor * RESERVE.bytes) return;
      writeZeros(unfinished);
      renameSync(unfinished, this.#path);
    } catch {
      rmSync(unfinished, { recursive: true, force: true });
    }
  }

  /** Gives the room back to the disk. Whether there was any. */
  use(): boolean {
    if (!existsSync(this.#path)) return false;
    rmSync(this.#path, { force: true });
    return true;
  }
}

function writeZeros(path: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    const zeros = Buffer.alloc(RESERVE.bytes);
    for (let at = 0; at < zeros.length; ) at += writeSync(file, zeros, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
