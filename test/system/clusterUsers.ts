// The proxy's users of a storm over a cluster: one holds as many streams as it gets at all hubs, others are added and removed again.

import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { askOnce, openStream } from '../../bench/fleet/ask.ts';
import { HOLD_PATH } from '../../bench/fleet/lightNode.ts';
import { hashPassword } from '../../src/hub/access/passwords.ts';
import { inTime, LIGHT_COUNTRY } from './clusterClients.ts';
import { AT_ONCE_MS, HEARD_MS, SERVED_MS, STALE_SECONDS } from './clusterDevices.ts';
import { type ClusterPlace, type HubPlace, pauseMs } from './clusterPlace.ts';
import type { Witness } from './clusterWitness.ts';
import { eventually } from './harness.ts';
import { addUser, removeUser } from './ownerOf.ts';

/** Whose name is in front of the routes of all clients of the storm, as their password is. */
const EVERYBODY = 'x';
/** One for all: making it takes a tenth of a second. */
const passwordHash = await hashPassword('x');
const LIMITED = 'limited';
/** Of the user `limited`, over all hubs. */
const STREAMS_MAX = 6;
/** After a disturbance the hubs hear what the others use within this time, … */
const SHARED_MS = 20_000;
/** … and from then on, that all streams are taken. */
const FULL_MS = 5_000;
/** Of users that were removed, so many knock on. */
const REMOVED_MAX = 4;

export class StormUsers {
  readonly #place: ClusterPlace;
  readonly #witness: Witness;
  /** Streams of the limited user, by hub. */
  readonly #open: readonly Set<Socket>[];
  /** Since when they are as many as it may have, or more; performance.now(). */
  #fullSinceMs = Number.POSITIVE_INFINITY;
  mostStreams = 0;

  constructor(place: ClusterPlace, witness: Witness) {
    this.#place = place;
    this.#witness = witness;
    this.#open = place.hubs.map(() => new Set());
  }

  /** From now on clients have to log in. Resolves when they can at all hubs. */
  async prepare(): Promise<void> {
    const { hub } = this.#place.hubs[0]!;
    await addUser(hub!, { name: EVERYBODY, passwordHash, limits: { streams: null, tags: null } });
    await addUser(hub!, { name: LIMITED, passwordHash, limits: { streams: STREAMS_MAX, tags: null } });
    for (const place of this.#place.hubs) {
      for (const name of [EVERYBODY, LIMITED]) await eventually(() => ask(place, name), SERVED_MS);
    }
  }

  // --- A limit of streams -------------------------------------------------------------------------------------------------------------

  /** Opens stream after stream, and closes one now and then. */
  async holdStreams(hub: HubPlace): Promise<void> {
    const open = this.#open[hub.at]!;
    while (!this.#witness.isOver) {
      const startMs = performance.now();
      const socket = await inTime(openStream(hub, `${LIMITED}-country-${LIGHT_COUNTRY}`)).catch(() => null);
      if (socket === null) this.#witness.count('streams of a limit refused');
      else this.#opened(hub, socket, startMs);
      if (open.size > 0 && this.#witness.random() < 0.1) [...open][0]!.destroy();
      await pauseMs(this.#witness.random, 100, 500);
    }
    for (const socket of open) socket.destroy();
  }

  /** A hub counts a stream at least as long as its client has it. */
  #opened(hub: HubPlace, socket: Socket, startMs: number): void {
    const open = this.#open[hub.at]!;
    socket.write(`GET ${HOLD_PATH} HTTP/1.1\r\nHost: any.example\r\n\r\n`);
    socket.resume();
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      if (this.#total() < STREAMS_MAX) this.#fullSinceMs = Number.POSITIVE_INFINITY;
    });
    this.#witness.count('streams of a limit');
    const total = this.#total();
    this.mostStreams = Math.max(this.mostStreams, total);
    const at = this.#place.hubs.map((_, other) => this.#open[other]!.size);
    if (open.size > STREAMS_MAX)
      this.#witness.violation(`hub ${hub.at} opens ${open.size} streams of a user with ${STREAMS_MAX}`);
    const calmSinceMs = Math.max(...this.#place.hubs.map(({ agreesSinceMs }) => agreesSinceMs));
    // What a hub does not know yet it cannot go by: a limit is divided once a second, by what was open before.
    if (startMs > Math.max(calmSinceMs + SHARED_MS, this.#fullSinceMs + FULL_MS)) {
      const forS = ((startMs - this.#fullSinceMs) / 1_000).toFixed(1);
      this.#witness.violation(
        `hub ${hub.at} opens one more stream of a user who has had ${STREAMS_MAX} or more, all that are allowed, for ${forS} s: ` +
          `now ${at.join(', ')} at the hubs`,
      );
    }
    if (total >= STREAMS_MAX) this.#fullSinceMs = Math.min(this.#fullSinceMs, performance.now());
  }

  #total(): number {
    return this.#open.reduce((sum, { size }) => sum + size, 0);
  }

  // --- Users that are removed ------------------------------------------------------------------------------------------------------------

  async comeAndGo(): Promise<void> {
    const knocking: { isOver: boolean }[] = [];
    for (let number = 0; !this.#witness.isOver; number++) {
      const name = `u${number}`;
      if (!(await this.#add(name))) continue;
      await ask(this.#witness.pick(this.#place.hubs), name).catch(() => {});
      const by = await this.#remove(name);
      if (by === null) return;
      const knock = { isOver: false };
      void this.#knockAgain(name, by, performance.now(), knock);
      knocking.push(knock);
      if (knocking.length > REMOVED_MAX) knocking.shift()!.isOver = true;
      await pauseMs(this.#witness.random, 1_000, 4_000);
    }
  }

  async #add(name: string): Promise<boolean> {
    const { hub } = this.#witness.pick(this.#place.hubs);
    try {
      if (hub === null) throw new Error('it does not run');
      await addUser(hub, { name, passwordHash, limits: { streams: null, tags: null } });
      this.#witness.count('users added');
      return true;
    } catch {
      this.#witness.count('users refused');
      await delay(500);
      return false;
    }
  }

  /** The hub that did it, or `unknown`: one whose answer was lost; null: it has not come to that. */
  async #remove(name: string): Promise<HubPlace | 'unknown' | null> {
    while (!this.#witness.isOver) {
      const place = this.#witness.pick(this.#place.hubs);
      if (place.hub !== null) {
        const answer = await removeUser(place.hub, name).then(
          () => null,
          (error: Error) => error.message,
        );
        // The command before it has done it, and had no answer.
        const isGone = answer?.includes('no user') ?? false;
        if (answer === null || isGone) {
          this.#witness.count('users removed');
          return isGone ? 'unknown' : place;
        }
      }
      await delay(300);
    }
    return null;
  }

  async #knockAgain(
    name: string,
    by: HubPlace | 'unknown',
    removedAtMs: number,
    knock: { isOver: boolean },
  ): Promise<void> {
    while (!this.#witness.isOver && !knock.isOver) {
      for (const hub of this.#place.hubs) {
        const startMs = performance.now();
        const isServed = await ask(hub, name).then(
          () => true,
          () => false,
        );
        this.#witness.count(isServed ? 'removed users served' : 'removed users refused');
        if (!isServed) continue;
        const late = `the user ${name} was removed ${((startMs - removedAtMs) / 1_000).toFixed(1)} s ago, and`;
        if (hub === by && startMs > removedAtMs + AT_ONCE_MS)
          this.#witness.violation(`${late} is served at hub ${hub.at}, which removed it`);
        const heardMs = Math.max(removedAtMs, hub.agreesSinceMs) + HEARD_MS;
        if (startMs > heardMs)
          this.#witness.violation(`${late} hub ${hub.at}, which hears the others, serves it`);
        if (startMs > removedAtMs + (STALE_SECONDS + 30) * 1_000)
          this.#witness.violation(`${late} hub ${hub.at} serves it beyond --cluster-stale`);
      }
      await delay(500);
    }
  }
}

/** Which device serves the user there. Rejects when none does. */
const ask = (hub: HubPlace, name: string): Promise<string> =>
  inTime(askOnce(hub, `${name}-country-${LIGHT_COUNTRY}`));
