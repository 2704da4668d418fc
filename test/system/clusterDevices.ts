// The devices of a storm over a cluster: they come and go, race for tokens, and come again when they are revoked.

import { setTimeout as delay } from 'node:timers/promises';
import { LightNode } from '../../bench/fleet/lightNode.ts';
import { parseLink } from '../../src/model/pairingLink.ts';
import { type ClusterPlace, type HubPlace, pauseMs } from './clusterPlace.ts';
import type { Witness } from './clusterWitness.ts';
import { eventually } from './harness.ts';
import { makePairing, revokeNode } from './ownerOf.ts';

/** Of --cluster-stale. */
export const STALE_SECONDS = 60;
/** A member gets in again, and a page through, at a hub that devices reach, whatever befalls NATS. */
export const SERVED_MS = 45_000;
/** A revocation reaches a hub that has been left alone for so long; far above what it takes on an idle machine. */
export const HEARD_MS = 30_000;

/**
 * What a hub does at once, its other threads have done by then, and this process has heard of it: the answer to the owner waits for neither.
 * Beside four busy loops on two cores, a device was seen to be connected still.
 */
export const AT_ONCE_MS = 10_000;

export interface Member {
  readonly name: string;
  readonly id: string;
  /** One for each hub. */
  readonly at: readonly LightNode[];
  /** Since when it has not been connected, by hub; null: it is. */
  readonly goneSinceMs: (number | null)[];
  revoked: Revocation | null;
}

export interface Revocation {
  readonly by: HubPlace;
  readonly answeredAtMs: number;
  /** The command said that the others hear of it later. */
  readonly waits: boolean;
}

export class StormDevices {
  readonly members: Member[] = [];
  longestGoneMs = 0;
  readonly #place: ClusterPlace;
  readonly #witness: Witness;

  constructor(place: ClusterPlace, witness: Witness) {
    this.#place = place;
    this.#witness = witness;
  }

  async pair(hub: HubPlace, name: string, link = null as string | null): Promise<Member> {
    const text = link ?? (await makePairing(hub.hub!, name, 600_000)).link;
    const node = new LightNode(text, hub.tunnel, name);
    const at = this.#place.hubs.map((other) =>
      other === hub ? node : node.atHub(other.publicKey, other.tunnel, { withToken: link !== null }),
    );
    return { name, id: node.id, at, goneSinceMs: at.map(() => null), revoked: null };
  }

  /** With nothing in the way: from the command's answer until the other hubs have cut the device off. */
  async measureRevocations(): Promise<void> {
    const took: number[] = [];
    for (let round = 0; round < 10; round++) {
      const by = this.#place.hubs[round % this.#place.hubs.length]!;
      const member = await this.pair(by, `short${round}`);
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
    this.#witness.say(
      `${took.length} cuts at other hubs, from the owner's command on: median ${median.toFixed(0)} ms, longest ${longest.toFixed(0)} ms`,
    );
  }

  async stayConnected(member: Member, hub: HubPlace): Promise<void> {
    const node = member.at[hub.at]!;
    while (!this.#witness.isOver && member.revoked === null) {
      if (node.connected) {
        member.goneSinceMs[hub.at] = null;
        await delay(100);
        continue;
      }
      member.goneSinceMs[hub.at] ??= performance.now();
      const sinceMs = Math.max(member.goneSinceMs[hub.at]!, hub.servesSinceMs);
      const goneMs = performance.now() - sinceMs;
      this.longestGoneMs = Math.max(this.longestGoneMs, goneMs);
      if (goneMs > SERVED_MS)
        this.#witness.violation(`${member.name} does not get in at hub ${hub.at} for ${SERVED_MS} ms`);
      await node.attempt(6_000).then(
        () => this.#witness.count('returns'),
        () => pauseMs(Math.random, 200, 800),
      );
    }
  }

  async leaveNowAndThen(): Promise<void> {
    while (!this.#witness.isOver) {
      this.#witness.pick(this.#witness.pick(this.members).at).vanish();
      await pauseMs(this.#witness.random, 50, 400);
    }
  }

  /** Two devices with one link, at all hubs at once; the one that got in is revoked later, and comes again. */
  async raceForTokens(): Promise<void> {
    for (let round = 0; !this.#witness.isOver; round++) {
      const hub = this.#witness.pick(this.#place.hubs);
      const link = await this.#pairing(hub);
      if (link === null) {
        await delay(500);
        continue;
      }
      const racers = [await this.pair(hub, `a${round}`, link), await this.pair(hub, `b${round}`, link)];
      const untilMs = performance.now() + 20_000;
      const got = await Promise.all(racers.map((racer) => this.#getIn(racer, untilMs, racers)));
      const winners = racers.filter((_, at) => got[at]);
      if (winners.length > 1)
        this.#witness.violation(`a token let two devices in: ${winners.map(({ id }) => id)}`);
      this.#witness.count(winners.length === 0 ? 'tokens of nobody' : 'tokens used');
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
      this.#witness.count('pairings refused');
      return null;
    }
  }

  /** At any hub; also when the other has got in, it goes on for a while. */
  async #getIn(racer: Member, untilMs: number, racers: readonly Member[]): Promise<boolean> {
    let isIn = false;
    let lastMs = untilMs;
    while (performance.now() < lastMs && !this.#witness.isOver) {
      const node = this.#witness.pick(racer.at);
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
    const by = this.#witness.pick(this.#place.hubs);
    if (by.hub === null) return;
    for (const node of member.at) await node.attempt(3_000).catch(() => {});
    try {
      await revokeNode(by.hub, member.id);
      member.revoked = { by, answeredAtMs: performance.now(), waits: false };
    } catch (error) {
      const { message } = error as Error;
      // The hub has died, or has not heard of the device yet.
      if (!message.includes('the other hubs hear of it')) {
        this.#witness.count('revocations refused');
        return;
      }
      member.revoked = { by, answeredAtMs: performance.now(), waits: true };
      this.#witness.count('revocations that waited');
    }
    this.#witness.count('revocations');
    this.members.push(member);
    void this.#comeAgain(member, member.revoked);
  }

  async #comeAgain(member: Member, { by, answeredAtMs, waits }: Revocation): Promise<void> {
    while (!this.#witness.isOver) {
      for (const hub of this.#place.hubs) {
        const node = member.at[hub.at]!;
        const startMs = performance.now();
        const wasThere = node.connected;
        if (!wasThere) await node.attempt(3_000).catch(() => {});
        if (!node.connected) continue;
        const sinceMs = waits ? Math.max(answeredAtMs, by.agreesSinceMs) : answeredAtMs;
        const heardMs = Math.max(sinceMs, hub.agreesSinceMs) + HEARD_MS;
        if (hub === by && (!wasThere || startMs > answeredAtMs + AT_ONCE_MS)) {
          const how = wasThere ? 'is still at' : 'was let in again by';
          const lateMs = Math.round(startMs - answeredAtMs);
          this.#witness.violation(`${member.name} ${how} hub ${by.at}, which revoked it ${lateMs} ms ago`);
        }
        if (performance.now() > heardMs)
          this.#witness.violation(`${member.name} is revoked, and at hub ${hub.at}`);
        const staleMs = answeredAtMs + (STALE_SECONDS + 30) * 1_000;
        if (!waits && startMs > staleMs)
          this.#witness.violation(`${member.name} is revoked, and at hub ${hub.at}, too late`);
      }
      await delay(500);
    }
  }
}
