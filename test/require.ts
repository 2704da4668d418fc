// For tests that need a program which not every machine has (curl, sshd, a browser, ip). Used with describe.skipIf / test.skipIf.

import { spawnSync } from 'node:child_process';
import { findProgram } from '../bench/machine/programs.ts';

export interface Need {
  readonly skip: boolean;
  /** Belongs into the test's name; '' when nothing is missing. */
  readonly why: string;
}

/**
 * Looks for the programs in PATH and the system folders. With RESTUNNEL_REQUIRE_ALL=1 (as .ci/run sets it) a missing one
 * throws, so that its tests fail instead of being left out.
 */
export function needs(...programs: string[]): Need {
  return lacking(programs.filter((program) => findProgram(program) === null));
}

/** The same for modules of the system's Python. */
export function needsPython(...modules: string[]): Need {
  return lacking(
    modules
      .filter((module) => spawnSync('/usr/bin/python3', ['-c', `import ${module}`]).status !== 0)
      .map((module) => `Python's ${module}`),
  );
}

function lacking(missing: readonly string[]): Need {
  if (missing.length === 0) return { skip: false, why: '' };
  const why = `needs ${missing.join(' and ')}, which this machine does not have`;
  if (process.env.RESTUNNEL_REQUIRE_ALL === '1') throw new Error(`this test ${why}`);
  return { skip: true, why };
}
