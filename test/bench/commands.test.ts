// The commands of the bench as npm runs them: the list of scenarios, wrong use, the JSON of a run, the micro-benchmarks, the web server.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { measureHttp, startWebServer } from '../../bench/http/measure.ts';
import { direct } from '../../bench/peers/plain.ts';
import { restunnel } from '../../bench/peers/restunnel.ts';
import { SCENARIOS } from '../../bench/scenarios/all.ts';
import { epollAvailable } from '../../src/reactor/create.ts';

const BENCH = fileURLToPath(new URL('../../bench/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'restunnel-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(
  script: string,
  args: readonly string[],
  env = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, NODE_OPTIONS: '', ...env } };
    execFile(process.execPath, [join(BENCH, script), ...args], options, (error, stdout, stderr) => {
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        stdout,
        stderr,
      });
    });
  });
}

test('lists every scenario', async () => {
  const { stdout } = await run('run.ts', ['--help']);
  for (const { name, about } of SCENARIOS)
    expect(stdout.replace(/\s+/g, ' ')).toContain(`${name} [options] ${about}`);
});

test('refuses a scenario, a peer and a number that do not exist', async () => {
  const runs = await Promise.all([
    run('run.ts', ['nothing']),
    run('run.ts', ['bulk', '--peers', 'nobody']),
    run('run.ts', ['bulk', '--bytes', 'many', '--peers', 'direct']),
  ]);
  expect(runs.map(({ code }) => code)).toEqual([1, 1, 1]);
  expect(runs[1]!.stderr).toContain('nobody');
  expect(runs[2]!.stderr).toContain('many');
});

describe.skipIf(!epollAvailable())('a run', () => {
  test('writes what it measured, on what, and how to do it again', async () => {
    const json = join(folder, 'bulk.json');
    const plot = join(folder, 'deeper', 'bulk.svg');
    const args = [
      'bulk',
      '--bytes',
      '1M',
      '--streams',
      '2',
      '--peers',
      'direct',
      '--rounds',
      '2',
      '--no-warm-up',
    ];
    const { code, stdout, stderr } = await run('run.ts', [...args, '--json', json, '--plot', plot]);
    expect(stderr).toContain('round 2 | 2 streams up | direct');
    expect(code).toBe(0);
    expect(stdout).toContain('bulk: 2 streams down');
    const result = JSON.parse(readFileSync(json, 'utf8'));
    expect(result).toMatchObject({
      scenario: 'bulk',
      rounds: 2,
      peers: ['direct'],
      settings: { streams: '2', direction: 'down,up', bytes: '1M' },
      command: `npm run bench -- ${[...args, '--json', json, '--plot', plot].join(' ')}`,
      machine: { node: process.version },
    });
    expect(result.cases[1].contestants[0].samples).toHaveLength(2);
    expect(readFileSync(plot, 'utf8')).toMatch(/^<svg /);
  });

  test('of the web server counts nothing but whole pages, whatever the way', async () => {
    const server = await startWebServer(3_000);
    const none = { folder, workers: 0, nodes: 1, nodeOptions: [], detour: null };
    const ours = await restunnel.start(none);
    try {
      const load = { connections: 4, requests: 100, pageBytes: 3_000 };
      const straight = await direct.start(none);
      const results = await Promise.all([
        measureHttp(server, straight, 'direct', load),
        measureHttp(server, ours, 'socks', load),
        measureHttp(server, ours, 'http', load),
      ]);
      for (const { requestsPerSecond } of results) expect(requestsPerSecond).toBeGreaterThan(0);
      await expect(measureHttp(server, ours, 'socks', { ...load, pageBytes: 2_999 })).rejects.toThrow(
        'wrong pages',
      );
    } finally {
      await ours.stop();
      await server.child.stop();
    }
  });
});

test('the micro-benchmarks all complete', async () => {
  const { code, stdout, stderr } = await run('micro/run.ts', [], { BENCH_MICRO_MS: '1' });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  for (const name of ['aead libsodium', 'record', 'frames', 'socks5', 'ring', 'rules', 'rout'])
    expect(stdout).toContain(name);
});
