// A Fleet without a hub: devices whose numbers move with a clock that the caller holds. For tests of whatever shows or serves a Fleet,
// and for looking at the pages (serveFake.ts). The same clock gives the same numbers.

import { UserError } from '../../src/base/userError.ts';
import { changedSettings } from '../../src/hub/fleet/nodeSettings.ts';
import type {
  Backup,
  Ban,
  BanReport,
  ClientSession,
  ConnectFigures,
  EventKind,
  EventQuery,
  EventRecord,
  Fleet,
  History,
  HistoryRange,
  HubStatus,
  LiveStream,
  LiveTick,
  NodeChange,
  NodePage,
  NodeState,
  NodeView,
  Pairing,
  PairingState,
  Rotation,
} from '../../src/model/fleet.ts';
import type { NewUser, OwnerUsers, User, UserChange } from '../../src/model/userAccounts.ts';
import { checkUserName } from '../../src/model/userName.ts';

export interface FakeFleetOptions {
  readonly nodes?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** A link made is used by a device after so long; null: only when usePairing() says so. */
  readonly pairsAfterMs?: number | null;
  readonly addresses?: HubStatus['addresses'];
  /** Whether streams tell their target. */
  readonly showTargets?: boolean;
}

interface FakeNode {
  readonly id: string;
  name: string;
  settings: Pick<NodeView, 'tags' | 'country' | 'paused' | 'limits' | 'rotateSchedule'>;
  readonly seed: number;
  readonly platform: string;
  readonly network: NodeView['network'];
  address: string;
  readonly createdAtMs: number;
  revokedAtMs: number | null;
  away: boolean;
  rotating: boolean;
}

/** The proxy's users, in memory. */
class FakeUsers implements OwnerUsers {
  /** What was asked of it, oldest first. */
  readonly calls: string[] = [];
  readonly #users = new Map<string, User>();

  list(): User[] {
    return [...this.#users.values()];
  }

  async add({ name, passwordHash, limits }: NewUser): Promise<User> {
    checkUserName(name);
    this.calls.push(`add ${name} ${passwordHash}`);
    if (this.#users.has(name)) throw new UserError(`there is already a user ${name}`);
    const now = new Date(0).toISOString();
    const user = { name, limits, createdAt: now, changedAt: now };
    this.#users.set(name, user);
    return user;
  }

  async change(name: string, { passwordHash = '', limits = {} }: UserChange): Promise<User> {
    this.calls.push(`change ${name} ${passwordHash}`);
    const user = this.#find(name);
    const changed = { ...user, limits: { ...user.limits, ...limits } };
    this.#users.set(name, changed);
    return changed;
  }

  async remove(name: string): Promise<User> {
    this.calls.push(`remove ${name}`);
    const user = this.#find(name);
    this.#users.delete(name);
    return user;
  }

  #find(name: string): User {
    const user = this.#users.get(name);
    if (user === undefined) throw new UserError(`there is no user "${name}"`);
    return user;
  }
}

const NO_LIMITS = { mbitPerSecond: null, streams: null, monthlyBytes: null, hours: null } as const;

const DEVICES = [
  { name: 'Pixel 8', platform: 'android', network: 'cellular', country: 'DE', tags: ['phone', 'lte'] },
  { name: 'Laptop at home', platform: 'linux', network: 'wifi', country: 'DE', tags: ['home'] },
  {
    name: 'Mac mini in the office',
    platform: 'macos',
    network: 'ethernet',
    country: 'FR',
    tags: ['office'],
  },
] as const;

const RANGES: Record<HistoryRange, { steps: number; stepMs: number }> = {
  '10m': { steps: 60, stepMs: 10_000 },
  '1h': { steps: 60, stepMs: 60_000 },
  '1d': { steps: 144, stepMs: 600_000 },
  '30d': { steps: 180, stepMs: 14_400_000 },
};

const DAY_MS = 86_400_000;

export class FakeFleet implements Fleet {
  readonly users = new FakeUsers();
  /** Of whoever calls watch() and has not ended it. */
  readonly watchers = new Set<(tick: LiveTick) => void>();
  /** What was asked of it, oldest first. */
  readonly calls: string[] = [];
  addresses: HubStatus['addresses'];
  stopping = false;
  readonly #now: () => number;
  readonly #startedAtMs: number;
  readonly #pairsAfterMs: number | null;
  readonly #showTargets: boolean;
  readonly #nodes: FakeNode[] = [];
  readonly #events: EventRecord[] = [];
  readonly #pairings = new Map<string, { state: PairingState; name: string | null; madeAtMs: number }>();
  #sessions: readonly ClientSession[] = [
    { user: 'me', name: 'cart42', nodeId: '0001f00d', strict: false, ttlMs: 600_000, unusedMs: 1_000 },
    { user: '', name: 'a', nodeId: '0002f00d', strict: true, ttlMs: 60_000, unusedMs: 0 },
  ];
  #eventsTold = 0;
  #viewsTold = new Map<string, string>();

  constructor(options: FakeFleetOptions = {}) {
    this.#now = options.now ?? Date.now;
    this.#startedAtMs = this.#now();
    this.#pairsAfterMs = options.pairsAfterMs ?? null;
    this.#showTargets = options.showTargets ?? false;
    this.addresses = options.addresses ?? {
      tunnel: '0.0.0.0:9000',
      socks: '127.0.0.1:1080',
      http: '127.0.0.1:1081',
      dashboard: '127.0.0.1:8080',
    };
    this.#tell('hubStarted', null, 'the hub started');
    for (let at = 0; at < (options.nodes ?? 3); at++) this.#add(at);
    this.#eventsTold = this.#events.length;
  }

  // --- What a test does to it ------------------------------------------------------------------------------------------------------------

  /** What a hub does once a second while somebody watches. */
  tick(): LiveTick {
    if (this.#pairsAfterMs !== null) {
      for (const [id, { state, madeAtMs }] of this.#pairings) {
        if (state.state === 'open' && this.#now() - madeAtMs >= this.#pairsAfterMs) this.usePairing(id);
      }
    }
    const nodes = this.nodes().filter((view) => {
      const text = JSON.stringify(view);
      if (this.#viewsTold.get(view.id) === text) return false;
      this.#viewsTold.set(view.id, text);
      return true;
    });
    const { stopping, nodesConnected, nodesPaired, streams, clients, ...rest } = this.status();
    const { downBytesPerSecond, upBytesPerSecond, connectsPerSecond, failuresPerSecond } = rest;
    const rates = { downBytesPerSecond, upBytesPerSecond, connectsPerSecond, failuresPerSecond };
    const events = this.#events.slice(this.#eventsTold);
    this.#eventsTold = this.#events.length;
    const hub = { stopping, nodesConnected, nodesPaired, streams, clients, ...rates };
    const tick = { at: this.#iso(), hub, nodes, events };
    for (const watcher of [...this.watchers]) watcher(tick);
    return tick;
  }

  /** A device uses the link; returns its node's id. */
  usePairing(id: string): string {
    const pairing = this.#pairings.get(id)!;
    const node = this.#add(this.#nodes.length, pairing.name);
    pairing.state = {
      ...pairing.state,
      state: 'used',
      nodeId: node.id,
      nodeName: node.name,
      nodeConnected: true,
    };
    return node.id;
  }

  /** The device goes, or comes back. */
  setAway(node: string, away: boolean): void {
    const found = this.#find(node);
    found.away = away;
    if (away) this.#tell('disconnected', found, 'the node disconnected: nothing came for 10 s after a PING');
    else this.#tell('connected', found, `the node connected from ${found.address}`);
  }

  // --- Fleet -----------------------------------------------------------------------------------------------------------------------------

  status(): HubStatus {
    const nodes = this.nodes();
    const sum = (read: (view: NodeView) => number) => nodes.reduce((total, view) => total + read(view), 0);
    const streams = sum((view) => view.streams);
    return {
      version: '0.1.0',
      startedAt: this.#iso(this.#startedAtMs),
      addresses: this.addresses,
      publicKey: Buffer.alloc(32, 7).toString('base64url'),
      io: 'epoll',
      workers: 1,
      stopping: this.stopping,
      nodesConnected: nodes.filter(({ connected }) => connected).length,
      nodesPaired: nodes.filter(({ revoked }) => !revoked).length,
      streams,
      clients: streams + 2,
      strangers: 1,
      downBytesPerSecond: sum((view) => view.downBytesPerSecond),
      upBytesPerSecond: sum((view) => view.upBytesPerSecond),
      connectsPerSecond: Math.round(streams / 3),
      failuresPerSecond: Math.round(streams / 60),
      connects: this.#figures(this.#nodes.length),
      datagrams: { up: 1_200, down: 3_400, dropped: 5 },
      residentBytes: 96 * 2 ** 20,
      heldBytes: 3 * 2 ** 20,
      heldMaxBytes: 256 * 2 ** 20,
      cpuPercent: Math.round(10 * (4 + 3 * this.#wave(0, 40))) / 10,
    };
  }

  nodes(): NodeView[] {
    return this.#nodes.map((node) => this.#view(node));
  }

  nodePage(after: string, limit: number): NodePage {
    const behind = this.nodes().filter(({ id }) => id > after);
    const nodes = behind.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
    return { nodes, hasMore: behind.length > limit };
  }

  node(node: string): NodeView {
    return this.#view(this.#find(node));
  }

  connects(node: string): ConnectFigures {
    return this.#figures(1 + this.#find(node).seed / 10);
  }

  async change(node: string, change: NodeChange): Promise<NodeView> {
    const found = this.#find(node);
    this.calls.push(`change ${found.id} ${JSON.stringify(change)}`);
    const { name } = change;
    const settings = changedSettings(found.settings, change);
    if (name !== undefined) {
      if (this.#nodes.some((other) => other !== found && other.name === name)) {
        throw new UserError(`another device is called ${JSON.stringify(name)} already`);
      }
      found.name = name;
    }
    found.settings = settings;
    this.#tell('changed', found, `the owner changed ${Object.keys(change).join(', ')}`);
    return this.#view(found);
  }

  /** Words that no hub would keep: pages must not trust theirs to be clean. */
  plant(node: string, words: { readonly tags: readonly string[]; readonly country: string }): void {
    const found = this.#find(node);
    found.settings = { ...found.settings, ...words };
  }

  async revoke(node: string): Promise<NodeView> {
    const found = this.#find(node);
    this.calls.push(`revoke ${found.id}`);
    found.revokedAtMs ??= this.#now();
    this.#tell('revoked', found, 'the owner revoked the node; its sessions were cut');
    return this.#view(found);
  }

  async rotate(node: string): Promise<Rotation> {
    const found = this.#find(node);
    this.calls.push(`rotate ${found.id}`);
    if (this.#view(found).state !== 'connected') throw new UserError(`${found.name} is not connected`);
    if (found.platform === 'linux') {
      throw new UserError(`${found.name} has no command for a new address; start it with --on-rotate`);
    }
    const oldAddress = found.address;
    found.address = `198.51.100.${(found.seed * 7 + this.#events.length) % 250}`;
    this.#tell('rotated', found, `a new address after 2.1 s: ${oldAddress} became ${found.address}`);
    return { nodeId: found.id, oldAddress, newAddress: found.address, tookMs: 2_100 };
  }

  async streams(node: string | null): Promise<readonly LiveStream[]> {
    const protocols = ['socks', 'http-connect', 'http', 'udp'] as const;
    const states = ['open', 'open', 'open', 'opening', 'halfClosed'] as const;
    const only = node === null ? null : this.#find(node);
    const streams: LiveStream[] = [];
    for (const found of this.#nodes) {
      if (only !== null && found !== only) continue;
      const count = Math.min(100, this.#view(found).streams);
      for (let at = 0; at < count; at++) {
        streams.push({
          nodeId: found.id,
          target: this.#showTargets ? `shop-${at % 17}.example:443` : null,
          protocol: protocols[at % protocols.length]!,
          state: states[at % states.length]!,
          ageMs: 137 * (at + 1),
        });
      }
    }
    return streams;
  }

  async backup(): Promise<Backup> {
    this.calls.push('backup');
    return { path: '/data/hub.db.backup', bytes: 131_072 };
  }

  async sessions(): Promise<readonly ClientSession[]> {
    return this.#sessions;
  }

  async endSession(user: string, name: string): Promise<ClientSession> {
    const ended = this.#sessions.find((session) => session.user === user && session.name === name);
    if (ended === undefined) throw new UserError(`there is no session ${JSON.stringify(name)}`);
    this.calls.push(`end ${user} ${name}`);
    this.#sessions = this.#sessions.filter((session) => session !== ended);
    return ended;
  }

  async report({ session, user, node, host, restMs }: BanReport): Promise<Ban> {
    if ((session === null) === (node === null)) throw new UserError('a session or a node', 2);
    const of = this.#sessions.find((one) => one.user === user && one.name === session);
    if (node === null && of === undefined) throw new UserError('there is no such session');
    const nodeId = node === null ? of!.nodeId : this.#find(node).id;
    this.calls.push(`report ${nodeId} ${host}`);
    return { nodeId, host, until: this.#iso(this.#now() + restMs) };
  }

  async history(node: string | null, range: HistoryRange): Promise<History> {
    const shown = node === null ? this.#nodes : [this.#find(node)];
    const { steps, stepMs } = RANGES[range];
    const end = Math.floor(this.#now() / stepMs) * stepMs;
    const points = Array.from({ length: steps }, (_, step) => {
      const atMs = end - (steps - 1 - step) * stepMs;
      const load = shown.reduce((sum, { seed }) => sum + this.#loadAt(seed, atMs), 0);
      // The last step is still being counted.
      const passedMs = Math.min(stepMs, this.#now() - atMs);
      return {
        at: this.#iso(atMs),
        downBytes: Math.round((load * 900_000 * passedMs) / 1_000),
        upBytes: Math.round((load * 90_000 * passedMs) / 1_000),
        succeeded: Math.round((load * 8 * passedMs) / 1_000),
        failed: Math.round((load * 0.3 * passedMs) / 1_000),
        streams: Math.round(load * 25),
      };
    });
    return { range, stepMs, points };
  }

  latestEvents(after: number): readonly EventRecord[] {
    return this.#events.filter(({ number }) => number > after);
  }

  async events(query: EventQuery): Promise<readonly EventRecord[]> {
    const { kinds, nodeId, contains, before, after, limit } = query;
    return this.#events
      .filter(
        (event) =>
          (kinds === undefined || kinds.includes(event.kind)) &&
          (nodeId === undefined || event.nodeId === nodeId) &&
          (contains === undefined || event.text.toLowerCase().includes(contains.toLowerCase())) &&
          (before === undefined || event.number < before) &&
          (after === undefined || event.number > after),
      )
      .reverse()
      .slice(0, limit);
  }

  async pair({ name, ttlMs }: { name: string | null; ttlMs: number }): Promise<Pairing> {
    const id = `pairing-${this.#pairings.size + 1}`;
    const token = Buffer.alloc(32, this.#pairings.size + 1).toString('base64url');
    const expiresAt = this.#iso(this.#now() + ttlMs);
    const state = {
      id,
      expiresAt,
      state: 'open',
      nodeId: null,
      nodeName: null,
      nodeConnected: false,
    } as const;
    this.#pairings.set(id, { state, name, madeAtMs: this.#now() });
    this.#tell('linkMade', null, `a pairing link was made${name === null ? '' : ` for ${name}`}`);
    const key = Buffer.alloc(32, 7).toString('base64url');
    const link = `restunnel://hub.example.org:9000/?k=${key}&t=${token}`;
    return {
      id,
      link,
      webSocketLink: null,
      bothWaysLink: null,
      expiresAt,
      fingerprint: 'BwcH BwcH BwcH BwcH',
    };
  }

  pairing(id: string): PairingState {
    const pairing = this.#pairings.get(id);
    if (pairing === undefined) throw new UserError('there is no such pairing link');
    if (pairing.state.state === 'open' && this.#now() >= Date.parse(pairing.state.expiresAt)) {
      pairing.state = { ...pairing.state, state: 'expired' };
    }
    return pairing.state;
  }

  async cancelPairing(id: string): Promise<PairingState> {
    const state = this.pairing(id);
    if (state.state === 'open') {
      this.#pairings.get(id)!.state = { ...state, state: 'cancelled' };
      this.#tell('linkCancelled', null, 'a pairing link was cancelled');
    }
    return this.pairing(id);
  }

  watch(listener: (tick: LiveTick) => void): () => void {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  }

  // --- Numbers ---------------------------------------------------------------------------------------------------------------------------

  #add(at: number, name: string | null = null): FakeNode {
    const device = DEVICES[at % DEVICES.length]!;
    const round = Math.floor(at / DEVICES.length);
    const node: FakeNode = {
      id: `${(at + 1).toString(16).padStart(4, '0')}f00d`,
      name: name ?? (round === 0 ? device.name : `${device.name} ${round + 1}`),
      settings: {
        tags: device.tags,
        country: device.country,
        paused: false,
        limits: NO_LIMITS,
        rotateSchedule: null,
      },
      seed: at,
      platform: device.platform,
      network: device.network,
      address: `203.0.113.${(at % 250) + 1}`,
      createdAtMs: this.#now() - (at + 1) * DAY_MS,
      revokedAtMs: null,
      away: false,
      rotating: false,
    };
    this.#nodes.push(node);
    this.#tell('paired', node, `${node.name} was paired`);
    this.#tell('connected', node, `the node connected from ${node.address}`);
    return node;
  }

  #find(node: string): FakeNode {
    const found = this.#nodes.find(({ id, name }) => id === node || name === node);
    if (found === undefined) throw new UserError(`there is no node called ${JSON.stringify(node)}`);
    return found;
  }

  #view(node: FakeNode): NodeView {
    const state = stateOf(node);
    const connected = state !== 'revoked' && state !== 'away';
    const load = state === 'connected' ? this.#loadAt(node.seed, this.#now()) : 0;
    const limit = ((node.settings.limits.mbitPerSecond ?? Number.POSITIVE_INFINITY) * 1e6) / 8;
    const todayMs = this.#now() % DAY_MS;
    const traffic = (ms: number) => ({
      downBytes: Math.round(((node.seed % 5) + 1) * 400 * ms),
      upBytes: Math.round(((node.seed % 5) + 1) * 40 * ms),
    });
    return {
      id: node.id,
      name: node.name,
      ...node.settings,
      state,
      connected,
      revoked: node.revokedAtMs !== null,
      createdAt: this.#iso(node.createdAtMs),
      lastSeenAt: this.#iso(connected ? this.#now() : (node.revokedAtMs ?? this.#startedAtMs)),
      revokedAt: node.revokedAtMs === null ? null : this.#iso(node.revokedAtMs),
      platform: node.platform,
      network: node.network,
      version: '0.1.0',
      batteryPercent: node.network === 'ethernet' ? null : Math.round(30 + 60 * this.#wave(node.seed, 3_600)),
      charging: node.network === 'ethernet' ? null : node.seed % 2 === 0,
      publicAddress: node.address,
      canRotate: node.network === 'cellular',
      keyShared: false,
      way: !connected ? null : node.seed % 3 === 1 ? 'webSocket' : 'tcp',
      via: connected && node.seed % 7 === 4 ? 'http' : null,
      lanes: connected ? 1 + (node.seed % 2) : 0,
      roundTripMs: connected
        ? Math.round(10 * (12 + node.seed * 3 + 8 * this.#wave(node.seed, 17))) / 10
        : null,
      streams: Math.round(load * 25),
      downBytesPerSecond: Math.round(Math.min(limit, load * 900_000)),
      upBytesPerSecond: Math.round(Math.min(limit, load * 90_000)),
      today: traffic(todayMs),
      month: traffic(todayMs + 11 * DAY_MS),
    };
  }

  #figures(weight: number): ConnectFigures {
    const seconds = (this.#now() - this.#startedAtMs) / 1_000 + 60;
    const some = (perSecond: number) => Math.ceil(perSecond * weight * seconds);
    const failures = { timedOut: some(0.03), refused: some(0.02), nameNotFound: some(0.008) };
    return {
      since: this.#iso(this.#startedAtMs),
      succeeded: some(8),
      failed: failures.timedOut + failures.refused + failures.nameNotFound,
      failures,
      connectMs: { p50: 38.2, p90: 121, p99: 640 },
    };
  }

  /** Between 0 and 1. */
  #wave(seed: number, periodSeconds: number, atMs = this.#now()): number {
    return (1 + Math.sin((atMs / 1_000 / periodSeconds) * 2 * Math.PI + seed * 1.7)) / 2;
  }

  #loadAt(seed: number, atMs: number): number {
    return (
      0.2 +
      0.5 * this.#wave(seed, 31, atMs) +
      0.6 * this.#wave(seed + 1, 613, atMs) +
      0.8 * this.#wave(seed + 2, 86_400, atMs)
    );
  }

  #tell(kind: EventKind, node: FakeNode | null, text: string): void {
    this.#events.push({
      number: this.#events.length + 1,
      at: this.#iso(),
      kind,
      nodeId: node?.id ?? null,
      nodeName: node?.name ?? null,
      text,
    });
  }

  #iso(atMs = this.#now()): string {
    return new Date(atMs).toISOString();
  }
}

function stateOf(node: FakeNode): NodeState {
  if (node.revokedAtMs !== null) return 'revoked';
  if (node.away) return 'away';
  if (node.rotating) return 'rotating';
  return node.settings.paused ? 'paused' : 'connected';
}
