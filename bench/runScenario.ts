// Runs one scenario: starts load processes and peers, lets the peers take turns in rounds, gives back every sample. Used by run.ts and tests.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type Origin, startOrigin } from './load/loadProcess.ts';
import { PEERS } from './peers/all.ts';
import type { Detour, PeerName, RunningPeer } from './peers/peer.ts';
import type { Case, Sample, Scenario, Settings } from './scenarios/scenario.ts';

const ORIGIN_ADDRESSES = 4;

export interface RunOptions {
  readonly settings: Settings;
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  readonly workers: number;
  readonly nodeOptions: readonly string[];
  /** A round before the first that counts: programs that compile themselves while they run have done so then. */
  readonly warmUp: boolean;
  progress(text: string): void;
}

export interface CaseResult {
  readonly label: string;
  readonly metrics: Case['metrics'];
  /** By peer, one of each round. */
  readonly samples: { [peer in PeerName]?: Sample[] };
}

export async function runScenario(scenario: Scenario, options: RunOptions): Promise<CaseResult[]> {
  const cases = scenario.cases(options.settings);
  const folder = mkdtempSync(join(tmpdir(), 'restunnel-bench-'));
  const origin = await startOrigin(ORIGIN_ADDRESSES);
  const client = await Client.start();
  const way = await scenario.detour?.(options.settings);
  const starter = new Starter(scenario, options, folder, way?.detour ?? null);
  try {
    const results: CaseResult[] = cases.map(({ label, metrics }) => ({ label, metrics, samples: {} }));
    for (let round = options.warmUp ? 0 : 1; round <= options.rounds; round++) {
      for (const [at, one] of cases.entries()) {
        for (const name of options.peers) {
          const sample = await starter.measure(name, one, origin, client);
          options.progress(`round ${round} | ${one.label} | ${name} | ${brief(one, sample)}`);
          const samples = results[at]!.samples[name] ?? [];
          results[at]!.samples[name] = samples;
          if (round > 0) samples.push(sample);
        }
      }
    }
    return results;
  } finally {
    await starter.stopAll();
    await way?.stop();
    await client.process.stop();
    await origin.process.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts peers when they are needed first, or anew for each measurement. */
class Starter {
  readonly #scenario: Scenario;
  readonly #options: RunOptions;
  readonly #folder: string;
  readonly #detour: Detour | null;
  readonly #running = new Map<PeerName, RunningPeer>();
  #folders = 0;

  constructor(scenario: Scenario, options: RunOptions, folder: string, detour: Detour | null) {
    this.#scenario = scenario;
    this.#options = options;
    this.#folder = folder;
    this.#detour = detour;
  }

  async measure(name: PeerName, one: Case, origin: Origin, client: Client): Promise<Sample> {
    const peer = this.#running.get(name) ?? (await this.#start(name));
    try {
      return await one.measure({
        client,
        origin,
        peer,
        peerName: name,
        way: { proxy: peer.proxy, targets: origin.addresses },
      });
    } catch (error) {
      throw new Error(`${this.#scenario.name}, ${one.label}, ${name}: ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      if (this.#scenario.fresh === true) {
        this.#running.delete(name);
        await peer.stop();
      }
    }
  }

  async #start(name: PeerName): Promise<RunningPeer> {
    const folder = join(this.#folder, `${name}${++this.#folders}`);
    mkdirSync(folder, { mode: 0o700 });
    const { workers, nodeOptions } = this.#options;
    const nodes = this.#scenario.nodes ?? 1;
    const peer = await PEERS[name].start({ folder, workers, nodes, nodeOptions, detour: this.#detour });
    this.#running.set(name, peer);
    return peer;
  }

  async stopAll(): Promise<void> {
    for (const peer of this.#running.values()) await peer.stop();
    this.#running.clear();
  }
}

function brief(one: Case, { numbers }: Sample): string {
  return one.metrics
    .filter(({ key }) => key in numbers)
    .map(({ key, label, digits }) => `${label} ${numbers[key]!.toFixed(digits)}`)
    .join('  ');
}
