// The clients of a storm over a cluster: strict sessions, pages, and downloads by way of a device with a quota.

import { setTimeout as delay } from 'node:timers/promises';
import { askOnce } from '../../bench/fleet/ask.ts';
import { SERVED_MS } from './clusterDevices.ts';
import type { ClusterPlace, HubPlace } from './clusterPlace.ts';
import type { Witness } from './clusterWitness.ts';
import { Stream } from './stream.ts';

/** Of the light devices: only they serve the page that says which it was. */
export const LIGHT_COUNTRY = 'de';
/** Of the device real0. */
export const QUOTA_BYTES = 24_000_000;
export const QUOTA_MBIT = 16;
/** Of each download by way of that device. */
const STREAM_BYTES = 2_000_000;
const SESSIONS = 12;
const ASK_MS = 10_000;

export class StormClients {
  longestAskMs = 0;
  /** Lives of hubs that ended without a word while the device with the quota was there. */
  hubKills = 0;
  /** Which devices have served a strict session. */
  readonly #served = new Map<string, Set<string>>();
  /** Bytes that clients got by way of the device with the quota. */
  #quotaBytes = 0;
  readonly #targetPort: number;
  readonly #place: ClusterPlace;
  readonly #witness: Witness;

  constructor(place: ClusterPlace, witness: Witness, targetPort: number) {
    this.#place = place;
    this.#witness = witness;
    this.#targetPort = targetPort;
  }

  async useSessions(): Promise<void> {
    while (!this.#witness.isOver) {
      const session = `s${Math.floor(this.#witness.random() * SESSIONS)}`;
      const hub = this.#witness.pick(this.#place.hubs);
      const node = await inTime(askOnce(hub, `x-country-${LIGHT_COUNTRY}-session-${session}-strict`)).catch(
        () => null,
      );
      this.#witness.count(node === null ? 'strict sessions refused' : 'strict sessions served');
      if (node !== null) {
        const served = this.#served.get(session) ?? new Set();
        this.#served.set(session, served.add(node));
        if (served.size > 1) this.#witness.violation(`the strict session ${session} was at ${[...served]}`);
      }
      await delay(50);
    }
  }

  /** Whatever befalls NATS, a hub goes on. */
  async askForPages(hub: HubPlace): Promise<void> {
    let lastMs = performance.now();
    while (!this.#witness.isOver) {
      const failure = await inTime(askOnce(hub, `x-country-${LIGHT_COUNTRY}`)).then(
        () => null,
        (error: Error) => error.message,
      );
      const nowMs = performance.now();
      const waitedMs = nowMs - Math.max(lastMs, hub.servesSinceMs);
      this.longestAskMs = Math.max(this.longestAskMs, waitedMs);
      if (failure === null) {
        lastMs = nowMs;
        this.#witness.count('pages');
      } else if (waitedMs > SERVED_MS) {
        this.#witness.violation(`hub ${hub.at} has members and serves no page: ${failure}`);
      }
      await delay(200);
    }
  }

  async useQuota(hub: HubPlace): Promise<void> {
    while (!this.#witness.isOver) {
      try {
        const stream = await inTime(
          Stream.open(hub.socks, this.#targetPort, `send ${STREAM_BYTES}`, 'x-node-real0'),
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

  checkQuota(): void {
    const perSecond = (QUOTA_MBIT * 1_000_000) / 8;
    // Each hub looks once a second and waits a second for the answer, streams that are open then go on, and one that was killed has forgotten
    // up to five seconds.
    const late =
      this.#place.hubs.length * STREAM_BYTES + (3 * this.#place.hubs.length + 5 * this.hubKills) * perSecond;
    this.#witness.say(
      `a quota of ${QUOTA_BYTES} bytes: ${this.#quotaBytes} came through, ${this.hubKills} hubs were killed`,
    );
    if (this.#quotaBytes > QUOTA_BYTES + late)
      this.#witness.violation(`${this.#quotaBytes} bytes came through a quota of ${QUOTA_BYTES}`);
  }
}

export async function inTime<T>(work: Promise<T>): Promise<T> {
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
