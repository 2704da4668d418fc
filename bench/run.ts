// `npm run bench`: lists the scenarios, runs one against our peers, prints a table and writes JSON. See bench/README.md.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { fleetCommand } from './fleet/command.ts';
import { findProgram } from './machine/programs.ts';
import { PEERS } from './peers/all.ts';
import type { PeerName } from './peers/peer.ts';
import { peerVersions } from './peers/versions.ts';
import { drawPlot } from './report/plot.ts';
import { writeResult } from './report/result.ts';
import { drawTable } from './report/table.ts';
import { runScenario } from './runScenario.ts';
import { SCENARIOS } from './scenarios/all.ts';
import { numbersOf, type Scenario, type Variant } from './scenarios/scenario.ts';

interface Flags {
  readonly [option: string]: string | boolean | string[] | undefined;
}

const program = new Command('bench').description('Benchmarks of hub and node, beside other programs');
for (const scenario of SCENARIOS) addScenario(scenario);
program.addCommand(fleetCommand());
program
  .command('all')
  .description('every scenario with its defaults')
  .option('--results <folder>', 'write SCENARIO.json and SCENARIO.svg there')
  .action(async ({ results }: { results?: string }) => {
    for (const scenario of SCENARIOS) {
      const path = results === undefined ? undefined : join(results, scenario.name);
      await run(scenario, path === undefined ? {} : { json: `${path}.json`, plot: `${path}.svg` });
    }
  });
await program.parseAsync();

function addScenario(scenario: Scenario): void {
  const command = program.command(scenario.name).description(scenario.about);
  for (const { name, about, value } of scenario.options) command.option(`--${name} <value>`, about, value);
  command
    .option('--peers <names>', `of ${Object.keys(PEERS).join(', ')}`, scenario.peers.join(','))
    .option('--rounds <n>', 'rounds that count', String(scenario.rounds))
    .option('--workers <n,…>', "our hub's worker threads; each of several is measured")
    .option(
      '--program <file,…>',
      'our hub and node: `source`, the one file, or the bin/restunnel.js of another checkout; each of several is measured',
    )
    .option('--cluster <nats,…>', 'our hub as well as a member of the cluster "bench" on these servers')
    .option('--no-warm-up', 'count the first round as well')
    .option('--node-option <option>', 'for our hub and node, e.g. --cpu-prof; may be repeated', collect, [])
    .option('--json <file>', 'write all samples there')
    .option('--plot <file>', 'draw the first metric there, as SVG')
    .action((flags: Flags) => run(scenario, flags));
}

async function run(scenario: Scenario, flags: Flags): Promise<void> {
  const missing = scenario.missing?.() ?? '';
  if (missing !== '') {
    process.stderr.write(`left out: ${scenario.name} ${missing}\n`);
    return;
  }
  const settings = Object.fromEntries(
    scenario.options.map(({ name, value }) => [name, String(flags[camel(name)] ?? value)]),
  );
  const wanted = flags.peers === undefined ? scenario.peers : (String(flags.peers).split(',') as PeerName[]);
  const peers = wanted.filter((name) => isThere(name));
  const versions = Object.entries(peerVersions()).map((named) => named.join(' '));
  process.stderr.write(`other programs: ${versions.join(', ')}\n`);
  const variants = variantsOf(scenario, flags);
  const rounds = Number(flags.rounds ?? scenario.rounds);
  const results = await runScenario(scenario, {
    settings,
    peers,
    rounds,
    variants,
    nodeOptions: (flags.nodeOption as string[] | undefined) ?? [],
    warmUp: flags.warmUp !== false && scenario.warmUp !== false,
    progress: (text) => process.stderr.write(`${text}\n`),
  });
  process.stdout.write(drawTable(scenario, results));
  if (typeof flags.json === 'string') {
    writeResult(flags.json, scenario, { settings, peers, variants, rounds }, results);
  }
  if (typeof flags.plot === 'string') {
    mkdirSync(dirname(flags.plot), { recursive: true });
    writeFileSync(flags.plot, drawPlot(scenario, results));
  }
}

function variantsOf(scenario: Scenario, { workers, program, cluster }: Flags): readonly Variant[] {
  const plain =
    workers === undefined
      ? (scenario.variants ?? [{ workers: 0, nodes: 1 }])
      : numbersOf(String(workers)).map((count) => ({ workers: count, nodes: Math.max(count, 1) }));
  const variants =
    cluster === undefined
      ? plain
      : plain.flatMap((variant) => [variant, { ...variant, cluster: String(cluster) }]);
  if (program === undefined) return variants;
  const programs = String(program).split(',');
  return variants.flatMap((variant) => programs.map((one) => ({ ...variant, program: one })));
}

function isThere(name: PeerName): boolean {
  const peer = PEERS[name];
  if (peer === undefined) throw new Error(`no peer "${name}"`);
  const missing = peer.programs.filter((one) => findProgram(one) === null);
  if (missing.length > 0) process.stderr.write(`left out: ${name}, for want of ${missing.join(' and ')}\n`);
  return missing.length === 0;
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

/** As commander names them. */
function camel(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
