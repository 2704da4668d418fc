// A storm over a whole cluster: NATS servers and hubs are killed, frozen and cut off at random while devices come and go, and owners pair,
// revoke and change. Whoever plays devices, clients and owners here also knows what may be seen and what may not.

import { setTimeout as delay } from 'node:timers/promises';
import { askOnce } from '../../bench/fleet/ask.ts';
import { LightNode } from '../../bench/fleet/lightNode.ts';
import { changeList } from '../../src/hub/cluster/ownersCluster.ts';
import type { NodeView } from '../../src/model/fleet.ts';
import { parseLink } from '../../src/model/pairingLink.ts';
import { type Blow, ClusterPlace, chooseBlow, type HubPlace, pauseMs, silencesHub } from './clusterPlace.ts';
import { listNumberOf, Register, randomOf } from './clusterWitness.ts';
import { type ExitNode, eventually, startNode } from './harness.ts';
import { changeNode, makePairing, nodesOf, ownerOf, revokeNode } from './ownerOf.ts';
import { Stream } from './stream.ts';
import { Target } from './target.ts';

export interface ClusterStormOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

const LIGHT_NODES = 17;
const REAL_NODES = 3;
/** Of the light ones: only they serve the page that says which it was. */
const LIGHT_COUNTRY = 'de';
const SESSIONS = 12;
const QUOTA_BYTES = 24_000_000;
const QUOTA_MBIT = 16;
/** Of each download by way of the device with the quota. */
const STREAM_BYTES = 2_000_000;
const STALE_SECONDS = 60;
/** A revocation reaches a hub that has been left alone for so long; far above what it takes on an idle machine. */
const HEARD_MS = 30_000;
/** A member gets in again, and a page through, at a hub that devices reach, whatever befalls NATS. */
const SERVED_MS = 45_000;
const CONVERGED_MS = 120_000;
const ASK_MS = 10_000;

interface Member {
  readonly name: string;
  readonly id: string;
  /** One for each hub. */
  readonly at: readonly LightNode[];
  /** Since when it has not been connected, by hub; null: it is. */
  readonly goneSinceMs: (number | null)[];
  revoked: Revocation | null;
}

interface Revocation {
  readonly by: HubPlace;
  readonly answeredAtMs: number;
  /** The command said that the others hear of it later. */
  readonly waits: boolean;
}

/** Throws when anything was seen that must not be. */
export async function clusterStorm(options: ClusterStormOptions): Promise<void> {
  const place = await ClusterPlace.start(STALE_SECONDS);
  const storm = new ClusterStorm(place, options);
  try {
    await storm.run();
  } finally {
    await storm.close();
    await place.end();
  }
}

class ClusterStorm {
  readonly #place: ClusterPlace;
  readonly #options: ClusterStormOptions;
  readonly #random: () => number;
  readonly #members: Member[] = [];
  readonly #real: ExitNode[] = [];
  readonly #violations = new Set<string>();
  readonly #counts = new Map<string, number>();
  /** Which devices have served a strict session. */
  readonly #served = new Map<string, Set<string>>();
  readonly #tags = new Map<string, Register>();
  readonly #limits = new Map<string, Register>();
  readonly #list = new Register();
  /** The highest number of the list that each device and hub has been seen with. */
  readonly #listSeen = new Map<string, number>();
  /** Bytes that clients got by way of the device with the quota. */
  #quotaBytes = 0;
  /** Lives of hubs that ended without a word while that device was there. */
  #hubKills = 0;
  #target!: Target;
  #isOver = false;
  #longestGoneMs = 0;
  #longestAskMs = 0;

  constructor(place: ClusterPlace, options: ClusterStormOptions) {
    this.#place = place;
    this.#options = options;
    this.#random = randomOf(options.seed + 1);
  }

  get #hubs(): readonly HubPlace[] {
    return this.#place.hubs;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  #violation(text: string): void {
    if (!this.#violations.has(text)) this.#options.say(`VIOLATION: ${text}`);
    this.#violations.add(text);
  }

  async run(): Promise<void> {
    const { say, seconds } = this.#options;
    await this.#settle();
    say('twenty devices are at three hubs');
    await this.#measureRevocations();
    const actors = [
      ...this.#members.flatMap((member) => this.#hubs.map((hub) => this.#stayConnected(member, hub))),
      this.#leaveNowAndThen(),
      ...[0, 1].map(() => this.#useSessions()),
      ...this.#hubs.map((hub) => this.#askForPages(hub)),
      ...this.#members.slice(0, 3).map(({ name }) => this.#changeTags(name)),
      ...this.#members.slice(0, 3).map(({ name }) => this.#changeLimits(name)),
      this.#changeLists(),
      this.#watchLists(),
      this.#raceForTokens(),
      ...this.#hubs.map((hub) => this.#useQuota(hub)),
    ];
    const failure = Promise.all(actors);
    await Promise.race([this.#blows(seconds * 1_000), failure]);
    this.#isOver = true;
    await failure;
    say('the storm is over');
    await this.#converged();
    this.#checkQuota();
    for (const { lives } of this.#hubs) {
      for (const hub of lives) for (const fault of hub.faults()) this.#violation(JSON.stringify(fault));
    }
    for (const node of this.#real) for (const fault of node.faults()) this.#violation(JSON.stringify(fault));
    say(
      [...this.#counts]
        .sort()
        .map(([what, times]) => `${times} ${what}`)
        .join(', '),
    );
    say(
      `a member was away from a hub that it could reach for ${(this.#longestGoneMs / 1_000).toFixed(1)} s at most; ` +
        `a hub that devices could reach served no page for ${(this.#longestAskMs / 1_000).toFixed(1)} s at most`,
    );
    if (this.#violations.size > 0) throw new Error([...this.#violations].join('\n'));
  }

  async close(): Promise<void> {
    this.#isOver = true;
    for (const { at } of this.#members) for (const node of at) node.vanish();
    await this.#target?.close();
  }

  // --- Before ----------------------------------------------------------------------------------------------------------------------

  async #settle(): Promise<void> {
    const [first] = this.#hubs;
    for (let at = 0; at < LIGHT_NODES; at++) this.#members.push(await this.#pair(first!, `light${at}`));
    const { networks, deviceSite } = this.#place;
    this.#target = await networks.at(deviceSite, () => Target.start());
    for (let at = 0; at < REAL_NODES; at++) {
      const { link } = await makePairing(first!.hub!, `real${at}`, 600_000);
      this.#real.push(await startNode({ links: [link], wrap: deviceSite.wrap }));
    }
    for (const { at, name } of this.#members) {
      await at[0]!.connect();
      for (const node of at.slice(1)) await eventually(() => node.attempt(2_000).then(() => true), SERVED_MS);
      this.#tags.set(name, new Register());
      this.#limits.set(name, new Register());
    }
    await eventually(async () => {
      for (const { hub } of this.#hubs) {
        const there = (await nodesOf(hub!)).filter(({ hubs }) => hubs?.length === this.#hubs.length);
        if (there.length !== LIGHT_NODES + REAL_NODES)
          throw new Error(`${there.length} devices are at all hubs`);
      }
    }, CONVERGED_MS);
    for (const { name } of this.#members)
      await changeNode(first!.hub!, name, { country: LIGHT_COUNTRY.toUpperCase() });
    const limits = { mbitPerSecond: QUOTA_MBIT, monthlyBytes: QUOTA_BYTES };
    await changeNode(first!.hub!, 'real0', { limits });
    await eventually(async () => {
      for (const { hub } of this.#hubs) {
        const known = (await nodesOf(hub!)).filter(({ country }) => country !== null);
        if (known.length !== LIGHT_NODES)
          throw new Error(`a hub knows the country of ${known.length} devices`);
      }
    }, CONVERGED_MS);
  }

  async #pair(hub: HubPlace, name: string, link = null as string | null): Promise<Member> {
    const text = link ?? (await makePairing(hub.hub!, name, 600_000)).link;
    const node = new LightNode(text, hub.tunnel, name);
    const at = this.#hubs.map((other) =>
      other === hub ? node : node.atHub(other.publicKey, other.tunnel, { withToken: link !== null }),
    );
    return { name, id: node.id, at, goneSinceMs: at.map(() => null), revoked: null };
  }

  /** With nothing in the way: from the command's answer until the other hubs have cut the device off. */
  async #measureRevocations(): Promise<void> {
    const took: number[] = [];
    for (let round = 0; round < 10; round++) {
      const by = this.#hubs[round % this.#hubs.length]!;
      const member = await this.#pair(by, `short${round}`);
      await member.at[by.at]!.connect();
      const others = member.at.filter((_, at) => at !== by.at);
      for (const node of others) await eventually(() => node.attempt(2_000).then(() => true), SERVED_MS);
      const startMs = performance.now();
      const cut = others.map(
        (node) =>
          new Promise<number>((resolve) => {
            node.onLost = () => resolve(performance.now() - startMs);
          }),
      );
      await revokeNode(by.hub!, member.id);
      took.push(...(await Promise.all(cut)));
    }
    took.sort((one, other) => one - other);
    const [median, longest] = [took[Math.floor(took.length / 2)]!, took.at(-1)!];
    this.#options.say(
      `${took.length} cuts at other hubs, from the owner's command on: median ${median.toFixed(0)} ms, longest ${longest.toFixed(0)} ms`,
    );
  }

  // --- The storm -------------------------------------------------------------------------------------------------------------------

  async #blows(forMs: number): Promise<void> {
    const random = randomOf(this.#options.seed);
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      const blows = [chooseBlow(this.#place, random)];
      const isPaired = random() < 0.3;
      const second = chooseBlow(this.#place, random);
      // One of a hub and one of NATS do not get into each other's way.
      if (isPaired && second.what.startsWith('hub') !== blows[0]!.what.startsWith('hub')) blows.push(second);
      const lasts = 2_000 + random() * 10_000;
      const calm = 500 + random() * 6_000;
      this.#options.say(
        `${blows.map(({ what }) => what).join(', and ')}, for ${(lasts / 1_000).toFixed(1)} s`,
      );
      this.#mark(blows, Number.POSITIVE_INFINITY);
      for (const blow of blows) await blow.begin();
      for (const blow of blows) if (/^hub . is killed$/.test(blow.what)) this.#hubKills++;
      await delay(lasts);
      for (const blow of blows) await blow.end();
      this.#mark(blows, performance.now());
      this.#count('blows');
      await delay(calm);
    }
  }

  #mark(blows: readonly Blow[], untilMs: number): void {
    for (const hub of this.#hubs) {
      if (blows.some((blow) => silencesHub(blow, hub))) hub.servesSinceMs = untilMs;
      const isDisturbed = blows.some(({ what }) => what.includes('NATS') || what.startsWith(`hub ${hub.at}`));
      if (isDisturbed) hub.agreesSinceMs = untilMs;
    }
  }

  // --- Devices ---------------------------------------------------------------------------------------------------------------------

  async #stayConnected(member: Member, hub: HubPlace): Promise<void> {
    const node = member.at[hub.at]!;
    while (!this.#isOver && member.revoked === null) {
      if (node.connected) {
        member.goneSinceMs[hub.at] = null;
        await delay(100);
        continue;
      }
      member.goneSinceMs[hub.at] ??= performance.now();
      const sinceMs = Math.max(member.goneSinceMs[hub.at]!, hub.servesSinceMs);
      const goneMs = performance.now() - sinceMs;
      this.#longestGoneMs = Math.max(this.#longestGoneMs, goneMs);
      if (goneMs > SERVED_MS)
        this.#violation(`${member.name} does not get in at hub ${hub.at} for ${SERVED_MS} ms`);
      await node.attempt(6_000).then(
        () => this.#count('returns'),
        () => pauseMs(Math.random, 200, 800),
      );
    }
  }

  async #leaveNowAndThen(): Promise<void> {
    while (!this.#isOver) {
      this.#pick(this.#pick(this.#members).at).vanish();
      await pauseMs(this.#random, 50, 400);
    }
  }

  /** Two devices with one link, at all hubs at once; the one that got in is revoked later, and comes again. */
  async #raceForTokens(): Promise<void> {
    for (let round = 0; !this.#isOver; round++) {
      const hub = this.#pick(this.#hubs);
      const link = await this.#pairing(hub);
      if (link === null) {
        await delay(500);
        continue;
      }
      const racers = [await this.#pair(hub, `a${round}`, link), await this.#pair(hub, `b${round}`, link)];
      const untilMs = performance.now() + 20_000;
      const got = await Promise.all(racers.map((racer) => this.#getIn(racer, untilMs, racers)));
      const winners = racers.filter((_, at) => got[at]);
      if (winners.length > 1) this.#violation(`a token let two devices in: ${winners.map(({ id }) => id)}`);
      this.#count(winners.length === 0 ? 'tokens of nobody' : 'tokens used');
      for (const racer of racers) for (const node of racer.at) node.vanish();
      const [winner] = winners;
      if (winner !== undefined) await this.#revokeAndReturn(winner);
    }
  }

  async #pairing(hub: HubPlace): Promise<string | null> {
    if (hub.hub === null) return null;
    try {
      const { link } = await makePairing(hub.hub, null, 600_000);
      return parseLink(link).token === null ? null : link;
    } catch {
      this.#count('pairings refused');
      return null;
    }
  }

  /** At any hub; also when the other has got in, it goes on for a while. */
  async #getIn(racer: Member, untilMs: number, racers: readonly Member[]): Promise<boolean> {
    let isIn = false;
    let lastMs = untilMs;
    while (performance.now() < lastMs && !this.#isOver) {
      const node = this.#pick(racer.at);
      if (!node.connected) {
        await node.attempt(4_000).then(
          () => {
            isIn = true;
          },
          () => delay(50),
        );
      }
      if (racers.some(({ at }) => at.some(({ connected }) => connected)))
        lastMs = Math.min(lastMs, performance.now() + 2_000);
      await delay(20);
    }
    return isIn;
  }

  async #revokeAndReturn(member: Member): Promise<void> {
    const by = this.#pick(this.#hubs);
    if (by.hub === null) return;
    for (const node of member.at) await node.attempt(3_000).catch(() => {});
    try {
      await revokeNode(by.hub, member.id);
      member.revoked = { by, answeredAtMs: performance.now(), waits: false };
    } catch (error) {
      const { message } = error as Error;
      // The hub has died, or has not heard of the device yet.
      if (!message.includes('the other hubs hear of it')) {
        this.#count('revocations refused');
        return;
      }
      member.revoked = { by, answeredAtMs: performance.now(), waits: true };
      this.#count('revocations that waited');
    }
    this.#count('revocations');
    this.#members.push(member);
    void this.#comeAgain(member, member.revoked);
  }

  async #comeAgain(member: Member, { by, answeredAtMs, waits }: Revocation): Promise<void> {
    while (!this.#isOver) {
      for (const hub of this.#hubs) {
        const node = member.at[hub.at]!;
        const startMs = performance.now();
        if (!node.connected) await node.attempt(3_000).catch(() => {});
        if (!node.connected) continue;
        const sinceMs = waits ? Math.max(answeredAtMs, by.agreesSinceMs) : answeredAtMs;
        const heardMs = Math.max(sinceMs, hub.agreesSinceMs) + HEARD_MS;
        if (hub === by && startMs > answeredAtMs)
          this.#violation(`${member.name} is at hub ${by.at}, which revoked it`);
        if (performance.now() > heardMs) this.#violation(`${member.name} is revoked, and at hub ${hub.at}`);
        const staleMs = answeredAtMs + (STALE_SECONDS + 30) * 1_000;
        if (!waits && startMs > staleMs)
          this.#violation(`${member.name} is revoked, and at hub ${hub.at}, too late`);
      }
      await delay(500);
    }
  }

  // --- Clients ---------------------------------------------------------------------------------------------------------------------

  async #useSessions(): Promise<void> {
    while (!this.#isOver) {
      const session = `s${Math.floor(this.#random() * SESSIONS)}`;
      const hub = this.#pick(this.#hubs);
      const node = await inTime(askOnce(hub, `x-country-${LIGHT_COUNTRY}-session-${session}-strict`)).catch(
        () => null,
      );
      this.#count(node === null ? 'strict sessions refused' : 'strict sessions served');
      if (node !== null) {
        const served = this.#served.get(session) ?? new Set();
        this.#served.set(session, served.add(node));
        if (served.size > 1) this.#violation(`the strict session ${session} was at ${[...served]}`);
      }
      await delay(50);
    }
  }

  /** Whatever befalls NATS, a hub goes on. */
  async #askForPages(hub: HubPlace): Promise<void> {
    let lastMs = performance.now();
    while (!this.#isOver) {
      const failure = await inTime(askOnce(hub, `x-country-${LIGHT_COUNTRY}`)).then(
        () => null,
        (error: Error) => error.message,
      );
      const nowMs = performance.now();
      const waitedMs = nowMs - Math.max(lastMs, hub.servesSinceMs);
      this.#longestAskMs = Math.max(this.#longestAskMs, waitedMs);
      if (failure === null) {
        lastMs = nowMs;
        this.#count('pages');
      } else if (waitedMs > SERVED_MS) {
        this.#violation(`hub ${hub.at} has members and serves no page: ${failure}`);
      }
      await delay(200);
    }
  }

  async #useQuota(hub: HubPlace): Promise<void> {
    while (!this.#isOver) {
      try {
        const stream = await inTime(
          Stream.open(hub.socks, this.#target.port, `send ${STREAM_BYTES}`, 'x-node-real0'),
        );
        let counted = 0;
        stream.socket.on('data', () => {
          this.#quotaBytes += stream.received - counted;
          counted = stream.received;
        });
        await Promise.race([stream.over, delay(20_000)]);
        stream.socket.destroy();
      } catch {
        await delay(300);
      }
    }
  }

  // --- Owners ----------------------------------------------------------------------------------------------------------------------

  async #changing(
    register: Register,
    change: (number: number, hub: HubPlace) => Promise<unknown>,
  ): Promise<void> {
    for (let number = 1; !this.#isOver; number++) {
      const hub = this.#pick(this.#hubs);
      if (hub.hub === null) {
        await delay(200);
        continue;
      }
      const answer = await change(number, hub).then(
        () => null,
        (error: Error) => error.message,
      );
      register.heard(number, answer);
      this.#count(answer === null ? 'changes' : 'changes refused');
      const isSentence = answer === null || answer.includes('the cluster cannot be reached (');
      if (!isSentence && hub.hub !== null && performance.now() > hub.servesSinceMs + SERVED_MS)
        this.#violation(`a change at hub ${hub.at}: ${answer}`);
      await pauseMs(this.#random, 100, 800);
    }
  }

  #changeTags(name: string): Promise<void> {
    return this.#changing(this.#tags.get(name)!, (number, { hub }) =>
      changeNode(hub!, name, { tags: [`t${number}`] }),
    );
  }

  #changeLimits(name: string): Promise<void> {
    return this.#changing(this.#limits.get(name)!, (number, { hub }) =>
      changeNode(hub!, name, { limits: { streams: 1_000 + number } }),
    );
  }

  /** Signs list after list: each device at all hubs, or at two. */
  async #changeLists(): Promise<void> {
    const { options, seed } = this.#place;
    while (!this.#isOver) {
      const perDevice = this.#random() < 0.3 ? 2 : null;
      await changeList(options, seed, (hubs) => hubs, perDevice).then(
        ({ number }) => {
          this.#list.heard(number, null);
          this.#count('lists of hubs');
        },
        () => this.#count('lists refused'),
      );
      await pauseMs(this.#random, 2_000, 6_000);
    }
  }

  async #watchLists(): Promise<void> {
    while (!this.#isOver) {
      for (const [at, node] of this.#real.entries()) {
        const name = `real${at}`;
        const number = listNumberOf(node.dataDir);
        if (number < (this.#listSeen.get(name) ?? 0)) this.#violation(`${name} went back to list ${number}`);
        this.#listSeen.set(name, Math.max(number, this.#listSeen.get(name) ?? 0));
      }
      await delay(200);
    }
  }

  // --- After -----------------------------------------------------------------------------------------------------------------------

  /** All hubs show one fleet, with all that was confirmed, and every member is at each of them. */
  async #converged(): Promise<void> {
    const { options, seed } = this.#place;
    const { number } = await eventually(() => changeList(options, seed, (hubs) => hubs, null), CONVERGED_MS);
    const startMs = performance.now();
    let why = '';
    await eventually(async () => {
      why = await this.#difference(number);
      return why === '';
    }, CONVERGED_MS).catch(() => this.#violation(`the hubs do not agree: ${why}`));
    this.#options.say(`all agree after ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
    await this.#checkLists();
  }

  async #difference(list: number): Promise<string> {
    for (const { at, revoked } of this.#members) {
      for (const node of at)
        if (revoked === null && !node.connected) await node.attempt(2_000).catch(() => {});
    }
    const fleets = await Promise.all(this.#hubs.map(({ hub }) => nodesOf(hub!)));
    const pictures = fleets.map((fleet) => JSON.stringify(fleet.map(pictureOf).sort()));
    if (new Set(pictures).size > 1) return `fleets differ: ${pictures.join('\n')}`;
    for (const [at, fleet] of fleets.entries()) {
      for (const member of this.#members) {
        const node = fleet.find(({ id }) => id === member.id);
        if (node === undefined) return `hub ${at} does not know ${member.name}`;
        if (node.revoked !== (member.revoked !== null))
          return `hub ${at} has ${member.name} revoked: ${node.revoked}`;
        if (!node.revoked && node.hubs?.length !== this.#hubs.length)
          return `${member.name} is at ${node.hubs}`;
        if (node.revoked && member.at.some(({ connected }) => connected))
          return `${member.name} is still connected`;
        const [tags, limits] = [this.#tags.get(member.name), this.#limits.get(member.name)];
        if (tags !== undefined && !tags.may(Number(node.tags[0]?.slice(1) ?? 0)))
          return `hub ${at}: ${member.name} has tag ${node.tags}; ${tags}`;
        if (limits !== undefined && !limits.may((node.limits.streams ?? 1_000) - 1_000))
          return `hub ${at}: ${member.name} has ${node.limits.streams} streams; ${limits}`;
      }
      for (const [number] of this.#real.entries()) {
        const node = fleet.find(({ name }) => name === `real${number}`);
        if (node?.hubs?.length !== this.#hubs.length) return `real${number} is at ${node?.hubs}`;
      }
    }
    for (const [at, node] of this.#real.entries()) {
      const has = listNumberOf(node.dataDir);
      if (has !== list) return `real${at} has list ${has} and not ${list}`;
    }
    return '';
  }

  /** As each hub has written it into its events: forward only. */
  async #checkLists(): Promise<void> {
    for (const { hub, at } of this.#hubs) {
      const query = { query: { contains: 'is in force', limit: '1000' } };
      const answer = await (await ownerOf(hub!).events.$get(query)).json();
      const events =
        (answer as { events?: { text: string; hub?: string }[] }).events ??
        (answer as unknown as { text: string; hub?: string }[]);
      const byHub = new Map<string, number[]>();
      for (const { text, hub: of = '' } of events) {
        const number = Number(/^list (\d+) of/.exec(text)?.[1] ?? Number.NaN);
        if (!Number.isNaN(number)) byHub.set(of, [...(byHub.get(of) ?? []), number]);
      }
      for (const [of, numbers] of byHub) {
        // Newest first.
        const isForward = numbers.every((number, index) => index === 0 || number < numbers[index - 1]!);
        if (!isForward) this.#violation(`hub ${at} says of ${of} that it took lists ${numbers.reverse()}`);
      }
    }
  }

  #checkQuota(): void {
    const perSecond = (QUOTA_MBIT * 1_000_000) / 8;
    // Each hub looks once a second, streams that are open then go on, and one that was killed has forgotten up to five seconds.
    const late = this.#hubs.length * STREAM_BYTES + (2 * this.#hubs.length + 5 * this.#hubKills) * perSecond;
    this.#options.say(
      `a quota of ${QUOTA_BYTES} bytes: ${this.#quotaBytes} came through, ${this.#hubKills} hubs were killed`,
    );
    if (this.#quotaBytes > QUOTA_BYTES + late)
      this.#violation(`${this.#quotaBytes} bytes came through a quota of ${QUOTA_BYTES}`);
  }
}

/** What all hubs have to agree on. */
function pictureOf({ id, name, revoked, tags, country, paused, limits }: NodeView): string {
  return JSON.stringify([id, name, revoked, tags, country, paused, limits]);
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const late = new AbortController();
  try {
    return await Promise.race([
      work,
      delay(ASK_MS, undefined, { signal: late.signal }).then(() => {
        throw new Error(`no answer within ${ASK_MS} ms`);
      }),
    ]);
  } finally {
    late.abort();
  }
}
