// Three NATS servers, three hubs and the devices of a cluster, each server and hub in a network of its own, and what may befall them. This
// process and its light devices are in the middle. Needs Linux and root.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterOptions } from '../../src/hub/cluster/clusterOptions.ts';
import { changeList, createCluster, idOf, withHub } from '../../src/hub/cluster/ownersCluster.ts';
import { Nats } from '../cluster/natsServers.ts';
import { endAll, eventually, type Hub, launchHub, makeTempDir } from './harness.ts';
import { Networks, type Site } from './networks.ts';

const TUNNEL_PORT = 9_000;
const COUNT = 3;
const READY_MS = 90_000;

/** One hub of the cluster, through all its lives. */
export class HubPlace {
  readonly at: number;
  readonly site: Site;
  readonly dataDir = makeTempDir();
  /** Its clients are on its own machine. */
  readonly socks = { path: join(makeTempDir(), 'socks') };
  readonly tunnel: string;
  readonly #flags: readonly string[];
  /** null: it does not run. */
  hub: Hub | null = null;
  publicKey = '';
  /** Of former lives, too. */
  readonly lives: Hub[] = [];
  /** Since when nothing has befallen it, nor its way to devices. performance.now(). */
  servesSinceMs = 0;
  /** The same, and its way to NATS. */
  agreesSinceMs = 0;

  constructor(at: number, site: Site, flags: readonly string[]) {
    this.at = at;
    this.site = site;
    this.tunnel = `${site.nodeAddress[4]}:${TUNNEL_PORT}`;
    this.#flags = flags;
  }

  /** Resolves when it runs, or with an end that came first. */
  async start(): Promise<void> {
    const { site, dataDir } = this;
    const host = site.nodeAddress[4];
    const args = [
      '--tunnel',
      this.tunnel,
      '--public-host',
      host,
      '--socks-socket',
      this.socks.path,
      ...this.#flags,
    ];
    const hub = launchHub({ dataDir, wrap: site.wrap, args });
    this.lives.push(hub);
    await hub.untilReady();
    this.hub = hub;
    this.publicKey = hub.ready.publicKey;
  }

  async kill(): Promise<void> {
    const { hub } = this;
    this.hub = null;
    await hub?.kill();
  }
}

export class ClusterPlace {
  readonly networks = new Networks();
  readonly natsSites: readonly Site[];
  readonly deviceSite: Site;
  readonly hubs: readonly HubPlace[];
  readonly options: ClusterOptions;
  readonly seed = crypto.getRandomValues(new Uint8Array(32));
  nats!: Nats;

  private constructor() {
    this.natsSites = Array.from({ length: COUNT }, () => this.networks.addSite());
    const hubSites = Array.from({ length: COUNT }, () => this.networks.addSite());
    this.deviceSite = this.networks.addSite();
    this.networks.connectSites();
    this.options = { servers: [], name: 'storm', credentials: null, ca: null, certificate: null };
    this.hubs = hubSites.map((site, at) => new HubPlace(at, site, this.#flags));
  }

  readonly #flags: string[] = [];

  /** `staleSeconds`: of --cluster-stale. */
  static async start(staleSeconds: number): Promise<ClusterPlace> {
    const place = new ClusterPlace();
    const places = place.natsSites.map(({ nodeAddress, wrap }) => ({ host: nodeAddress[4], wrap }));
    place.nats = await Nats.start(COUNT, { places });
    const { options, hubs, seed } = place;
    (options.servers as string[]).push(...place.nats.servers.map(({ url }) => url));
    await eventually(() => createCluster(options, COUNT, seed), READY_MS);
    place.#flags.push('--cluster', place.nats.urls, '--cluster-name', options.name);
    place.#flags.push('--cluster-stale', `${staleSeconds}s`);
    await Promise.all(hubs.map((hub) => hub.start()));
    for (const [at, hub] of hubs.entries()) {
      const add = () =>
        changeList(options, seed, (listed, there) => withHub(listed, there, idOf(hub.publicKey), `hub${at}`));
      await eventually(add, READY_MS);
    }
    return place;
  }

  async end(): Promise<void> {
    await endAll();
    await this.nats.stop();
    this.networks.remove();
  }
}

/** What befalls a server or a hub: it begins, and it ends. */
export interface Blow {
  readonly what: string;
  begin(): Promise<void>;
  end(): Promise<void>;
}

const KINDS = [
  'killNats',
  'freezeNats',
  'isolateNats',
  'killHub',
  'isolateHub',
  'cutHubFromNats',
  'cutHubFromOneNats',
  'killAllNats',
] as const;

/** One at random; `random`: evenly from [0, 1). The same numbers give the same blow. */
export function chooseBlow(place: ClusterPlace, random: () => number): Blow {
  const kind = KINDS[Math.floor(random() * KINDS.length)]!;
  const at = Math.floor(random() * COUNT);
  const other = Math.floor(random() * COUNT);
  const { nats, networks, natsSites } = place;
  const server = nats.servers[at]!;
  const [natsSite, hub] = [natsSites[at]!, place.hubs[at]!];
  const blow = (what: string, begin: () => unknown, end: () => unknown): Blow => ({
    what,
    begin: async () => void (await begin()),
    end: async () => void (await end()),
  });
  switch (kind) {
    case 'killNats':
      return blow(
        `NATS ${at} is killed`,
        () => server.stop(),
        () => server.start(),
      );
    case 'freezeNats':
      return blow(
        `NATS ${at} freezes`,
        () => server.freeze(),
        () => server.thaw(),
      );
    case 'isolateNats':
      return blow(
        `NATS ${at} is cut off`,
        () => natsSite.vanish(),
        () => natsSite.reappear(),
      );
    case 'killHub':
      return blow(
        `hub ${at} is killed`,
        () => hub.kill(),
        () => hub.start(),
      );
    case 'isolateHub':
      return blow(
        `hub ${at} is cut off`,
        () => hub.site.vanish(),
        () => hub.site.reappear(),
      );
    case 'cutHubFromNats':
      return blow(
        `hub ${at} is cut off from NATS`,
        () => natsSites.map((site) => networks.cut(hub.site, site)),
        () => natsSites.map((site) => networks.join(hub.site, site)),
      );
    case 'cutHubFromOneNats':
      return blow(
        `hub ${at} is cut off from NATS ${other}`,
        () => networks.cut(hub.site, natsSites[other]!),
        () => networks.join(hub.site, natsSites[other]!),
      );
    case 'killAllNats':
      return blow(
        'all of NATS is killed',
        () => Promise.all(nats.servers.map((one) => one.stop())),
        () => Promise.all(nats.servers.map((one) => one.start())),
      );
  }
}

/** Whether clients and devices cannot expect an answer of the hub while it lasts. */
export const silencesHub = (blow: Blow, { at }: HubPlace) =>
  blow.what === `hub ${at} is killed` || blow.what === `hub ${at} is cut off`;

export const pauseMs = (random: () => number, least: number, most: number) =>
  delay(least + random() * (most - least));
