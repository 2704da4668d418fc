// The owners of a storm over a cluster: they change settings and sign lists, and in the end every hub has what was confirmed.

import { setTimeout as delay } from 'node:timers/promises';
import { nodeKey } from '../../src/cluster/records.ts';
import { changeList, clusterStatus } from '../../src/hub/cluster/ownersCluster.ts';
import type { NodeView } from '../../src/model/fleet.ts';
import { SERVED_MS, type StormDevices } from './clusterDevices.ts';
import { type ClusterPlace, type HubPlace, pauseMs } from './clusterPlace.ts';
import { listNumberOf, Register, type Witness } from './clusterWitness.ts';
import { type ExitNode, eventually } from './harness.ts';
import { changeNode, nodesOf, ownerOf } from './ownerOf.ts';

/** From the end of the storm until all agree, at most. */
export const CONVERGED_MS = 120_000;

export class StormOwners {
  /** Devices that are programs: they follow lists. */
  readonly #real: readonly ExitNode[];
  readonly #devices: StormDevices;
  readonly #tags = new Map<string, Register>();
  readonly #limits = new Map<string, Register>();
  readonly #list = new Register();
  /** The highest number of the list that each device has been seen with. */
  readonly #listSeen = new Map<string, number>();
  readonly #place: ClusterPlace;
  readonly #witness: Witness;

  constructor(place: ClusterPlace, witness: Witness, devices: StormDevices, real: readonly ExitNode[]) {
    this.#place = place;
    this.#witness = witness;
    this.#devices = devices;
    this.#real = real;
    for (const { name } of devices.members) {
      this.#tags.set(name, new Register());
      this.#limits.set(name, new Register());
    }
  }

  async #changing(
    register: Register,
    change: (number: number, hub: HubPlace) => Promise<unknown>,
  ): Promise<void> {
    for (let number = 1; !this.#witness.isOver; number++) {
      const hub = this.#witness.pick(this.#place.hubs);
      if (hub.hub === null) {
        await delay(200);
        continue;
      }
      const answer = await change(number, hub).then(
        () => null,
        (error: Error) => error.message,
      );
      register.heard(number, answer);
      this.#witness.count(answer === null ? 'changes' : 'changes refused');
      const isSentence = answer === null || answer.includes('the cluster cannot be reached (');
      if (!isSentence && hub.hub !== null && performance.now() > hub.servesSinceMs + SERVED_MS)
        this.#witness.violation(`a change at hub ${hub.at}: ${answer}`);
      await pauseMs(this.#witness.random, 100, 800);
    }
  }

  changeTags(name: string): Promise<void> {
    return this.#changing(this.#tags.get(name)!, (number, { hub }) =>
      changeNode(hub!, name, { tags: [`t${number}`] }),
    );
  }

  changeLimits(name: string): Promise<void> {
    return this.#changing(this.#limits.get(name)!, (number, { hub }) =>
      changeNode(hub!, name, { limits: { streams: 1_000 + number } }),
    );
  }

  /** Signs list after list: each device at all hubs, or at two. */
  async changeLists(): Promise<void> {
    const { options, seed } = this.#place;
    while (!this.#witness.isOver) {
      const perDevice = this.#witness.random() < 0.3 ? 2 : null;
      await changeList(options, seed, (hubs) => hubs, perDevice).then(
        ({ number }) => {
          this.#list.heard(number, null);
          this.#witness.count('lists of hubs');
        },
        () => this.#witness.count('lists refused'),
      );
      await pauseMs(this.#witness.random, 2_000, 6_000);
    }
  }

  async watchLists(): Promise<void> {
    while (!this.#witness.isOver) {
      for (const [at, node] of this.#real.entries()) {
        const name = `real${at}`;
        const number = listNumberOf(node.dataDir);
        if (number < (this.#listSeen.get(name) ?? 0))
          this.#witness.violation(`${name} went back to list ${number}`);
        this.#listSeen.set(name, Math.max(number, this.#listSeen.get(name) ?? 0));
      }
      await delay(200);
    }
  }

  /** All hubs show one fleet, with all that was confirmed, and every member is at each of them. */
  async converged(): Promise<void> {
    const { options, seed } = this.#place;
    this.#witness.phase = 'the last list of hubs is signed';
    const { number } = await eventually(() => changeList(options, seed, (hubs) => hubs, null), CONVERGED_MS);
    const startMs = performance.now();
    let why = '';
    await eventually(async () => {
      why = await this.#difference(number);
      this.#witness.phase = `the hubs come to agree: ${why}`;
      return why === '';
    }, CONVERGED_MS).catch(async () => {
      this.#witness.violation(`the hubs do not agree: ${why}`);
      await this.#tellOfRecords();
    });
    this.#witness.say(`all agree after ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
    await this.#checkLists();
  }

  /** For whoever reads of hubs that do not agree: how far each is, and what each server has of devices that are changed. */
  async #tellOfRecords(): Promise<void> {
    const { options, nats } = this.#place;
    const { say } = this.#witness;
    try {
      const { revision, hubs } = await clusterStatus(options);
      say(`the cluster is at revision ${revision}; ${hubs.map((hub) => `${hub.name} behind ${hub.behind}`)}`);
    } catch (error) {
      say(`the cluster's status: ${(error as Error).message}`);
    }
    const changed = this.#devices.members.slice(0, 3);
    for (const { name, id } of changed) {
      say(`${name} is ${id}: tags ${this.#tags.get(name)}; streams ${this.#limits.get(name)}`);
      for (const line of await nats.copiesOf(`${options.name}_state`, nodeKey(id))) say(`  ${line}`);
    }
  }

  async #difference(list: number): Promise<string> {
    for (const { at, revoked } of this.#devices.members) {
      for (const node of at)
        if (revoked === null && !node.connected) await node.attempt(2_000).catch(() => {});
    }
    const fleets = await Promise.all(this.#place.hubs.map(({ hub }) => nodesOf(hub!)));
    const apart = differencesOf(fleets);
    if (apart.length > 0) return `they differ about ${apart.join('; ')}`;
    for (const [at, fleet] of fleets.entries()) {
      for (const member of this.#devices.members) {
        const node = fleet.find(({ id }) => id === member.id);
        if (node === undefined) return `hub ${at} does not know ${member.name}`;
        if (node.revoked !== (member.revoked !== null))
          return `hub ${at} has ${member.name} revoked: ${node.revoked}`;
        if (!node.revoked && node.hubs?.length !== this.#place.hubs.length)
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
        if (node?.hubs?.length !== this.#place.hubs.length) return `real${number} is at ${node?.hubs}`;
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
    for (const { hub, at } of this.#place.hubs) {
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
        if (!isForward)
          this.#witness.violation(`hub ${at} says of ${of} that it took lists ${numbers.reverse()}`);
      }
    }
  }
}

/** What all hubs have to agree on, where they do not: by device, what each hub has. */
function differencesOf(fleets: readonly (readonly NodeView[])[]): string[] {
  const ids = new Set(fleets.flatMap((fleet) => fleet.map(({ id }) => id)));
  return [...ids].flatMap((id) => {
    const views = fleets.map((fleet) => pictureOf(fleet.find((node) => node.id === id)));
    if (new Set(views).size === 1) return [];
    return [`${id}: ${views.map((view, at) => `hub ${at} has ${view}`).join(', ')}`];
  });
}

function pictureOf(node: NodeView | undefined): string {
  if (node === undefined) return 'nothing';
  const { name, revoked, tags, country, paused, limits } = node;
  const { mbitPerSecond, streams, monthlyBytes } = limits;
  return JSON.stringify([name, revoked, tags, country, paused, mbitPerSecond, streams, monthlyBytes]);
}
