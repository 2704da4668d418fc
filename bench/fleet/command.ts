// `npm run bench -- fleet`: what fleets of growing size cost their hub, as a table and as JSON.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { sizeOf } from '../scenarios/scenario.ts';
import { type FleetFigures, measureFleet } from './measure.ts';

const ROWS: readonly (readonly [label: string, text: (figures: FleetFigures) => string])[] = [
  [
    'pair and connect: s in all; µs of hub CPU a device',
    (f) => `${fixed(f.enrolSeconds)}; ${whole(f.enrolCpuMicrosEach)}`,
  ],
  [
    'at rest: µs of hub CPU a device and minute; kB a device',
    (f) => `${whole(f.restCpuMicrosPerDeviceMinute)}; ${whole(f.restKilobytesEach)}`,
  ],
  ['µs of hub CPU a connection', (f) => whole(f.connectionCpuMicros)],
  ['the same through a device that the client names', (f) => whole(f.namedCpuMicros)],
  ['list of all devices, ms', (f) => whole(f.listMs)],
  [
    'a viewer of the live channel: % of a core; kB/s',
    (f) => `${fixed(f.liveIdleCpuPercent)}; ${fixed(f.liveIdleKilobytesPerSecond)}`,
  ],
  [
    'the same under requests, to one device after the other',
    (f) => `${fixed(f.liveCpuPercent)}; ${fixed(f.liveKilobytesPerSecond)}`,
  ],
  [
    'kill -9 of the hub: s until it listens; until a request is served',
    (f) => `${fixed(f.hubBackSeconds)}; ${fixed(f.firstAnswerSeconds)}`,
  ],
  [
    '50 / 95 / 100 % of the devices are back, s',
    (f) => `${fixed(f.half)} / ${fixed(f.most)} / ${fixed(f.all)}`,
  ],
  [
    'µs of hub CPU a device that returns; failed attempts',
    (f) => `${whole(f.returnCpuMicrosEach)}; ${f.failedAttempts}`,
  ],
  [
    'all connections break: s until 95 % of the devices, and all lanes, are back; lines in the log',
    (f) => `${fixed(f.dropFirstLanes)}; ${fixed(f.dropAll)}; ${f.dropLogLines}`,
  ],
  ['devices come and go: how many; requests failed', (f) => `${f.churned}; ${f.failed} of ${f.asked}`],
  ['their p50 / p95 / p99 / max, ms', (f) => [f.p50Ms, f.p95Ms, f.p99Ms, f.maxMs].map(whole).join(' / ')],
];

export function fleetCommand(): Command {
  return new Command('fleet')
    .description(
      'fleets of simulated devices at one hub: arrival, rest, requests, lists, return after kill -9, churn',
    )
    .option('--devices <n,…>', 'how many; each number is a fleet of its own', '1,100,1000')
    .option('--per-address <n>', 'devices behind one address', '1')
    .option('--lanes <n>', 'sessions of each device', '1')
    .option('--connections <n>', 'for each kind of request', '5000')
    .option('--at-once <n>', 'connections at a time', '64')
    .option('--workers <n>', "the hub's worker threads", '0')
    .option('--rest-ms <ms>', 'how long they rest', '20000')
    .option('--churn-ms <ms>', 'how long devices come and go', '30000')
    .option('--churn-per-second <n>', 'devices that leave in a second, every other one without a word', '20')
    .option('--churn-back-ms <ms>', 'how long they stay away', '60000')
    .option('--live-ms <ms>', 'how long each part of the look at the live channel takes', '20000')
    .option('--live-path <path>', 'which live channel', '/api/v1/live?deltas=true')
    .option('--node-option <option>', 'for the hub, e.g. --cpu-prof; may be repeated', collect, [])
    .option('--json <file>', 'write all figures there')
    .action(run);
}

interface Flags {
  readonly devices: string;
  readonly perAddress: string;
  readonly lanes: string;
  readonly connections: string;
  readonly atOnce: string;
  readonly workers: string;
  readonly restMs: string;
  readonly churnMs: string;
  readonly churnPerSecond: string;
  readonly churnBackMs: string;
  readonly liveMs: string;
  readonly livePath: string;
  readonly nodeOption: readonly string[];
  readonly json?: string;
}

async function run(flags: Flags): Promise<void> {
  const fleets: FleetFigures[] = [];
  for (const devices of flags.devices.split(',').map(sizeOf)) {
    const folder = mkdtempSync(join(tmpdir(), 'restunnel-fleet-'));
    try {
      const figures = await measureFleet({
        folder,
        devices,
        perAddress: sizeOf(flags.perAddress),
        lanes: Number(flags.lanes),
        connections: sizeOf(flags.connections),
        atOnce: sizeOf(flags.atOnce),
        workers: Number(flags.workers),
        restMs: Number(flags.restMs),
        churnMs: Number(flags.churnMs),
        churnPerSecond: Number(flags.churnPerSecond),
        churnBackMs: Number(flags.churnBackMs),
        liveMs: Number(flags.liveMs),
        livePath: flags.livePath,
        nodeOptions: flags.nodeOption,
        progress: (text) => process.stderr.write(`${text}\n`),
      });
      fleets.push(figures);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  process.stdout.write(drawFleets(fleets));
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(fleets, null, 2)}\n`);
  process.exit(0);
}

/** A Markdown table with a column for each fleet. */
export function drawFleets(fleets: readonly FleetFigures[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  const head = line(['devices', ...fleets.map(({ devices }) => String(devices))]);
  const rule = line(['---', ...fleets.map(() => '---')]);
  const rows = ROWS.map(([label, text]) => line([label, ...fleets.map(text)]));
  return head + rule + rows.join('');
}

function whole(value: number): string {
  return value.toFixed(0);
}

function fixed(value: number): string {
  return value.toFixed(1);
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}
