// A disk that takes its time: a library preloaded into a hub holds every fsync for as long as a file is there.

import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from './harness.ts';

const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int held(const char *name, int fd) {
  const char *gate = getenv("SYNC_GATE");
  while (gate != NULL && access(gate, F_OK) == 0) usleep(5000);
  return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}

int fsync(int fd) { return held("fsync", fd); }
int fdatasync(int fd) { return held("fdatasync", fd); }
`;

export class HeldDisk {
  /** For the program whose disk it is. */
  readonly env: NodeJS.ProcessEnv;
  readonly #gate: string;

  /** Needs a C compiler. */
  constructor() {
    const dir = makeTempDir();
    const library = join(dir, 'held.so');
    writeFileSync(join(dir, 'held.c'), SOURCE);
    const { status, stderr } = spawnSync(
      'cc',
      ['-shared', '-fPIC', '-o', library, join(dir, 'held.c'), '-ldl'],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(stderr);
    this.#gate = join(dir, 'gate');
    this.env = { LD_PRELOAD: library, SYNC_GATE: this.#gate };
  }

  /** No fsync ends until release(). */
  hold(): void {
    writeFileSync(this.#gate, '');
  }

  release(): void {
    rmSync(this.#gate, { force: true });
  }
}
