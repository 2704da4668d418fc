// A storm over a whole cluster: NATS servers and hubs are killed, frozen and cut off at random while devices come and go, clients ask, and
// owners pair, revoke and change. Those who take part also know what may be seen and what may not.

import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../seededRandom.ts';
import { LIGHT_COUNTRY, QUOTA_BYTES, QUOTA_MBIT, StormClients } from './clusterClients.ts';
import { SERVED_MS, STALE_SECONDS, StormDevices } from './clusterDevices.ts';
import { CONVERGED_MS, StormOwners } from './clusterOwners.ts';
import { type Blow, ClusterPlace, chooseBlow, silencesHub } from './clusterPlace.ts';
import { StormUsers } from './clusterUsers.ts';
import type { Witness } from './clusterWitness.ts';
import { type ExitNode, eventually, startNode } from './harness.ts';
import { changeNode, makePairing, nodesOf } from './ownerOf.ts';
import { Target } from './target.ts';

export interface ClusterStormOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly witness: Witness;
}

const LIGHT_NODES = 17;
const REAL_NODES = 3;
/** As pino has it. */
const WARNING_LEVEL = 40;
const WARNINGS_SHOWN = 8;

/** What the witness has seen is its verdict; rejects when the storm itself fails. */
export async function clusterStorm(options: ClusterStormOptions): Promise<void> {
  const { witness } = options;
  witness.phase = 'NATS servers and hubs start';
  const place = await ClusterPlace.start(STALE_SECONDS);
  const storm = new ClusterStorm(place, options);
  let isWell = false;
  try {
    await storm.run();
    isWell = !witness.hasSeenViolations;
  } finally {
    if (!isWell) storm.tellOfLogs();
    await storm.close();
    await place.end();
  }
}

class ClusterStorm {
  readonly #place: ClusterPlace;
  readonly #options: ClusterStormOptions;
  readonly #witness: Witness;
  readonly #devices: StormDevices;
  readonly #real: ExitNode[] = [];
  #target!: Target;

  constructor(place: ClusterPlace, options: ClusterStormOptions) {
    this.#place = place;
    this.#options = options;
    this.#witness = options.witness;
    this.#devices = new StormDevices(place, this.#witness);
  }

  async run(): Promise<void> {
    const { seconds } = this.#options;
    const { hubs } = this.#place;
    const [witness, devices] = [this.#witness, this.#devices];
    const { say } = witness;
    await this.#settle();
    say('twenty devices are at three hubs');
    witness.phase = 'revocations are measured';
    await devices.measureRevocations();
    const clients = new StormClients(this.#place, witness, this.#target.port);
    const users = new StormUsers(this.#place, witness);
    witness.phase = 'users get in at all hubs';
    await users.prepare();
    witness.phase = 'the storm is under way';
    const owners = new StormOwners(this.#place, witness, devices, this.#real);
    const changed = devices.members.slice(0, 3);
    const actors = Promise.all([
      ...devices.members.flatMap((member) => hubs.map((hub) => devices.stayConnected(member, hub))),
      devices.leaveNowAndThen(),
      devices.raceForTokens(),
      ...[0, 1].map(() => clients.useSessions()),
      ...hubs.map((hub) => clients.askForPages(hub)),
      ...hubs.map((hub) => clients.useQuota(hub)),
      ...hubs.map((hub) => users.holdStreams(hub)),
      users.comeAndGo(),
      ...changed.map(({ name }) => owners.changeTags(name)),
      ...changed.map(({ name }) => owners.changeLimits(name)),
      owners.changeLists(),
      owners.watchLists(),
    ]);
    await Promise.race([this.#blows(clients, seconds * 1_000), actors]);
    witness.isOver = true;
    witness.phase = 'those who take part come to an end';
    await actors;
    say('the storm is over');
    await owners.converged();
    witness.phase = 'the end';
    clients.checkQuota();
    for (const hub of hubs)
      for (const fault of hub.lives.flatMap((life) => life.faults()))
        witness.violation(`hub ${hub.at} has a fault: ${JSON.stringify(fault)}`);
    for (const [at, node] of this.#real.entries())
      for (const fault of node.faults())
        witness.violation(`the device real${at} has a fault: ${JSON.stringify(fault)}`);
    say(witness.counts());
    say(
      `a member was away from a hub that it could reach for ${(devices.longestGoneMs / 1_000).toFixed(1)} s at most; ` +
        `a hub that devices could reach served no page for ${(clients.longestAskMs / 1_000).toFixed(1)} s at most`,
    );
    say(`a user with a limit of streams had ${users.mostStreams} over all hubs at most`);
  }

  /** What the hubs said last of what went wrong. */
  tellOfLogs(): void {
    for (const { at, lives } of this.#place.hubs) {
      const warnings = lives.flatMap((life) => life.log.filter(({ level }) => level >= WARNING_LEVEL));
      for (const line of warnings.slice(-WARNINGS_SHOWN))
        this.#witness.say(`hub ${at}: ${JSON.stringify(line)}`);
    }
  }

  async close(): Promise<void> {
    this.#witness.isOver = true;
    for (const { at } of this.#devices.members) for (const node of at) node.vanish();
    await this.#target?.close();
  }

  async #settle(): Promise<void> {
    const [first] = this.#place.hubs;
    this.#witness.phase = 'devices are paired and dial all hubs';
    for (let at = 0; at < LIGHT_NODES; at++)
      this.#devices.members.push(await this.#devices.pair(first!, `light${at}`));
    const { networks, deviceSite } = this.#place;
    this.#target = await networks.at(deviceSite, () => Target.start());
    for (let at = 0; at < REAL_NODES; at++) {
      const { link } = await makePairing(first!.hub!, `real${at}`, 600_000);
      this.#real.push(await startNode({ links: [link], wrap: deviceSite.wrap }));
    }
    for (const { at } of this.#devices.members) {
      await at[0]!.connect();
      for (const node of at.slice(1)) await eventually(() => node.attempt(2_000).then(() => true), SERVED_MS);
    }
    await eventually(async () => {
      for (const { hub } of this.#place.hubs) {
        const there = (await nodesOf(hub!)).filter(({ hubs }) => hubs?.length === this.#place.hubs.length);
        if (there.length !== LIGHT_NODES + REAL_NODES)
          throw new Error(`${there.length} devices are at all hubs`);
      }
    }, CONVERGED_MS);
    for (const { name } of this.#devices.members)
      await changeNode(first!.hub!, name, { country: LIGHT_COUNTRY.toUpperCase() });
    const limits = { mbitPerSecond: QUOTA_MBIT, monthlyBytes: QUOTA_BYTES };
    await changeNode(first!.hub!, 'real0', { limits });
    await eventually(async () => {
      for (const { hub } of this.#place.hubs) {
        const known = (await nodesOf(hub!)).filter(({ country }) => country !== null);
        if (known.length !== LIGHT_NODES)
          throw new Error(`a hub knows the country of ${known.length} devices`);
      }
    }, CONVERGED_MS);
  }

  async #blows(clients: StormClients, forMs: number): Promise<void> {
    const random = seededRandom(this.#options.seed);
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      const blows = [chooseBlow(this.#place, random)];
      const isPaired = random() < 0.3;
      const second = chooseBlow(this.#place, random);
      // One of a hub and one of NATS do not get into each other's way.
      if (isPaired && second.what.startsWith('hub') !== blows[0]!.what.startsWith('hub')) blows.push(second);
      const lasts = 2_000 + random() * 10_000;
      const calm = 500 + random() * 6_000;
      this.#witness.blow(
        `${blows.map(({ what }) => what).join(', and ')}, for ${(lasts / 1_000).toFixed(1)} s`,
      );
      this.#mark(blows, Number.POSITIVE_INFINITY);
      for (const blow of blows) await blow.begin();
      for (const blow of blows) if (/^hub . is killed$/.test(blow.what)) clients.hubKills++;
      await delay(lasts);
      for (const blow of blows) await blow.end();
      this.#mark(blows, performance.now());
      this.#witness.count('blows');
      await delay(calm);
    }
  }

  #mark(blows: readonly Blow[], untilMs: number): void {
    for (const hub of this.#place.hubs) {
      if (blows.some((blow) => silencesHub(blow, hub))) hub.servesSinceMs = untilMs;
      const isDisturbed = blows.some(({ what }) => what.includes('NATS') || what.startsWith(`hub ${hub.at}`));
      if (isDisturbed) hub.agreesSinceMs = untilMs;
    }
  }
}
