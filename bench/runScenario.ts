// Runs one scenario: starts load processes and peers, lets the peers take turns in rounds, gives back every sample.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type Origin, startOrigin } from './load/loadProcess.ts';
import type { Way } from './load/orders.ts';
import { PEERS } from './peers/all.ts';
import { type Detour, LOOPBACK, type PeerName, type RunningPeer, type Site } from './peers/peer.ts';
import type { Case, Sample, Scenario, Settings, Stage, Variant } from './scenarios/scenario.ts';

export interface RunOptions {
  readonly settings: Settings;
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  /** Ours is measured with each of these. */
  readonly variants: readonly Variant[];
  /** Options of Node.js for our hub and node. */
  readonly nodeOptions: readonly string[];
  /** A round before the first that counts: programs that compile themselves while they run have done so then. */
  readonly warmUp: boolean;
  progress(text: string): void;
}

/** One line of the table. */
export interface Contestant extends Variant {
  readonly name: string;
  readonly peer: PeerName;
}

export interface ContestantSamples {
  readonly name: string;
  readonly peer: PeerName;
  /** One of each round. */
  readonly samples: Sample[];
}

export interface CaseResult {
  readonly label: string;
  readonly metrics: Case['metrics'];
  readonly contestants: readonly ContestantSamples[];
}

export async function runScenario(scenario: Scenario, options: RunOptions): Promise<CaseResult[]> {
  const cases = scenario.cases(options.settings);
  const contestants = contestantsOf(options);
  const theatre = new Theatre(scenario, options);
  try {
    const results = cases.map((one) => ({
      label: one.label,
      metrics: one.metrics,
      contestants: contestants
        .filter(({ peer }) => one.suits?.(peer) ?? true)
        .map(({ name, peer }) => ({ name, peer, samples: [] as Sample[] })),
    }));
    for (let round = options.warmUp ? 0 : 1; round <= options.rounds; round++) {
      for (const [at, one] of cases.entries()) {
        for (const { name, samples } of results[at]!.contestants) {
          const sample = await theatre.measure(contestants.find((other) => other.name === name)!, one);
          options.progress(`${roundName(round)} | ${one.label} | ${name} | ${brief(one, sample)}`);
          if (round > 0) samples.push(sample);
        }
      }
    }
    return results;
  } finally {
    await theatre.close();
  }
}

function contestantsOf({ peers, variants }: RunOptions): Contestant[] {
  return peers.flatMap((peer) =>
    (peer === 'restunnel' ? variants : [{ workers: 0, nodes: 1 }]).map((variant) => ({
      ...variant,
      peer,
      name: peer === 'restunnel' && variants.length > 1 ? `${peer}, ${variantName(variant)}` : peer,
    })),
  );
}

function variantName({ workers, nodes, io, program, cluster }: Variant): string {
  if (cluster !== undefined) return program === undefined ? 'in a cluster' : `${program} in a cluster`;
  if (program !== undefined) return program;
  if (io !== undefined) return `--io ${io}`;
  return `${workers} worker${workers === 1 ? '' : 's'}, ${nodes} node${nodes === 1 ? '' : 's'}`;
}

/** Starts processes when they are needed first, or anew for each measurement. */
class Theatre {
  readonly #scenario: Scenario;
  readonly #options: RunOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'restunnel-bench-'));
  readonly #running = new Map<string, RunningPeer>();
  readonly #loads: { readonly origin: Origin; readonly client: Client }[] = [];
  #site: { readonly site: Site; stop(): void } | null = null;
  #way: { readonly detour: Detour; stop(): Promise<void> } | null = null;
  #folders = 0;

  constructor(scenario: Scenario, options: RunOptions) {
    this.#scenario = scenario;
    this.#options = options;
    process.on('exit', this.#sweep);
  }

  /** Keys of a bench that is interrupted do not stay behind either. */
  readonly #sweep = (): void => rmSync(this.#folder, { recursive: true, force: true });

  async measure(contestant: Contestant, one: Case): Promise<Sample> {
    const { name } = contestant;
    try {
      const { origin, client } = await this.#load(0);
      const peer = this.#running.get(name) ?? (await this.#start(contestant));
      const wayTo = (to: Origin): Way => ({ proxy: peer.proxy, targets: to.addresses });
      const stage: Stage = {
        client,
        origin,
        peer,
        way: wayTo(origin),
        site: await this.#siteOf(),
        second: async () => {
          const load = await this.#load(1);
          return { client: load.client, way: wayTo(load.origin) };
        },
      };
      return await one.measure(stage);
    } catch (error) {
      const place = `${this.#scenario.name}, ${one.label}, ${name}`;
      throw new Error(`${place}: ${(error as Error).message}`, { cause: error });
    } finally {
      if (this.#scenario.fresh === true) {
        await this.#running.get(name)?.stop();
        this.#running.delete(name);
      }
    }
  }

  async #load(nth: number) {
    const load = this.#loads[nth] ?? {
      origin: await startOrigin(await this.#siteOf()),
      client: await Client.start(),
    };
    this.#loads[nth] = load;
    return load;
  }

  async #siteOf(): Promise<Site> {
    this.#site ??= (await this.#scenario.site?.(this.#options.settings)) ?? {
      site: LOOPBACK,
      stop: () => {},
    };
    return this.#site.site;
  }

  async #start({ name, peer, workers, nodes, io, program, cluster }: Contestant): Promise<RunningPeer> {
    this.#way ??= (await this.#scenario.detour?.(this.#options.settings)) ?? null;
    const folder = join(this.#folder, `${peer}${++this.#folders}`);
    mkdirSync(folder, { mode: 0o700 });
    const { nodeOptions } = this.#options;
    const detour = this.#way?.detour ?? null;
    const running = await PEERS[peer].start({
      ...{ folder, workers, nodes, nodeOptions, detour },
      site: await this.#siteOf(),
      ...(io === undefined ? {} : { io }),
      ...(program === undefined ? {} : { program }),
      ...(cluster === undefined ? {} : { cluster }),
    });
    this.#running.set(name, running);
    return running;
  }

  async close(): Promise<void> {
    for (const peer of this.#running.values()) await peer.stop();
    await this.#way?.stop();
    for (const { origin, client } of this.#loads) {
      await client.process.stop();
      await origin.process.stop();
    }
    this.#site?.stop();
    process.off('exit', this.#sweep);
    this.#sweep();
  }
}

function roundName(round: number): string {
  return round === 0 ? 'warm-up' : `round ${round}`;
}

function brief(one: Case, { numbers }: Sample): string {
  return one.metrics
    .filter(({ key }) => key in numbers)
    .map(({ key, label, digits }) => `${label} ${numbers[key]!.toFixed(digits)}`)
    .join('  ');
}
