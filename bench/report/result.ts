// The JSON of a run: every sample, and on what it was taken.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peerVersions } from '../peers/versions.ts';
import type { CaseResult } from '../runScenario.ts';
import type { Scenario, Settings, Variant } from '../scenarios/scenario.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface RunFacts {
  readonly settings: Settings;
  readonly peers: readonly string[];
  readonly variants: readonly Variant[];
  readonly rounds: number;
}

export function writeResult(
  file: string,
  scenario: Scenario,
  facts: RunFacts,
  results: readonly CaseResult[],
): void {
  const result = {
    scenario: scenario.name,
    ...facts,
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    at: new Date().toISOString(),
    commit: commit(),
    machine: {
      cpu: cpus()[0]?.model ?? '',
      cores: cpus().length,
      memoryBytes: totalmem(),
      kernel: `${type()} ${release()}`,
      node: process.version,
    },
    versions: versions(),
    cases: results,
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
}

function commit(): string {
  try {
    return execFileSync('git', ['-C', ROOT, 'describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

/** Of the packages the bytes pass through, and of the other programs. */
function versions(): { [name: string]: string } {
  const found: { [name: string]: string } = {};
  const packages = {
    koffi: `@koromix/koffi-${process.platform}-${process.arch}`,
    'sodium-native': 'sodium-native',
  };
  for (const [name, folder] of Object.entries(packages)) {
    const file = `${ROOT}/node_modules/${folder}/package.json`;
    if (existsSync(file))
      found[name] = (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }
  return { ...found, ...peerVersions() };
}
