// Hubs of one cluster in virtual time, everything drawn from one seed: what owners, devices and clients do, hubs that are killed, networks
// that are cut, servers that stop, answers that are late or lost. The hubs are the program's own parts; the checker knows nothing of them but
// what they promise. Run by simulation.test.ts and scripts/simulate.ts.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../../src/base/userError.ts';
import { clusterKeyOf, signHubList } from '../../../src/cluster/hubList.ts';
import { isRevoked } from '../../../src/cluster/merge.ts';
import {
  HUBS_KEY,
  META_KEY,
  type NodeRecord,
  nodeKey,
  readRecord,
  writeRecord,
} from '../../../src/cluster/records.ts';
import { readStickyPlace, stickyEntryKey } from '../../../src/hub/cluster/stickyPlace.ts';
import { DEFAULT_SETTINGS } from '../../../src/hub/fleet/nodeSettings.ts';
import { CLUSTER, CLUSTER_STICKY } from '../../../src/limits/cluster.ts';
import { foldName } from '../../../src/model/nameSyntax.ts';
import { nodeIdOf } from '../../../src/noise/nodeId.ts';
import { Random } from '../../tunnel/simulation.ts';
import { Register } from './register.ts';
import { SimulatedHub } from './simulatedHub.ts';
import { SimulatedNats } from './simulatedNats.ts';
import { VirtualTime } from './virtualTime.ts';

export interface ClusterSummary {
  readonly admitted: number;
  readonly refused: number;
  readonly revoked: number;
  readonly changed: number;
  readonly kills: number;
  readonly cuts: number;
  readonly strict: number;
  readonly movedBytes: number;
}

/** What a disk takes is not what is simulated here. */
const IN_MEMORY = '/dev/shm';
const MIB = 1_048_576;
const STALE_MS = 20_000;
/** A hub that reaches the cluster hears of a revocation within this time. */
const REVOKED_WITHIN_MS = 1_000;
/** From a cut until the hub knows of it: a beat, and an answer that does not come. */
const NOTICED_WITHIN_MS = CLUSTER.beatEveryMs + CLUSTER.answerTimeoutMs + 1_000;
const QUOTA_NODE = '00000000000000ff';

interface Device {
  readonly publicKey: Uint8Array;
  readonly id: string;
}

interface Token {
  readonly bytes: Uint8Array;
  readonly usedBy: Set<string>;
}

/** Throws with the seed and what was broken. */
export async function simulateCluster(seed: number): Promise<ClusterSummary> {
  const folder = mkdtempSync(join(existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir(), 'restunnel-simulation-'));
  const random = new Random(seed);
  const time = new VirtualTime();
  const restore = time.install(random);
  const world = new World(random, time, folder);
  try {
    return await world.run();
  } catch (error) {
    throw new Error(`seed ${seed}, after ${time.nowMs} ms: ${(error as Error).message}`, { cause: error });
  } finally {
    world.end();
    restore();
    rmSync(folder, { recursive: true, force: true });
  }
}

class World {
  readonly #random: Random;
  readonly #time: VirtualTime;
  readonly #nats: SimulatedNats;
  readonly #hubs: SimulatedHub[];
  readonly #devices: readonly Device[];
  readonly #tokens: Token[] = [];
  /** When the cluster knew first that a device is revoked, by id; gone when it is paired anew. */
  readonly #revokedAtMs = new Map<string, number>();
  readonly #tags = new Map<string, Register>();
  readonly #limits = new Map<string, Register>();
  /** By device: links that it has shown since it got in last. */
  readonly #shown = new Map<string, Set<Token>>();
  readonly #users = new Map<string, Register>();
  /** Nodes that have served each strict session. */
  readonly #strict = new Map<string, Set<string>>();
  readonly #soft = new Set<string>();
  readonly #key = clusterKeyOf(new Uint8Array(32).fill(5));
  readonly #failures: Error[] = [];
  readonly #quotaBytes: number;
  readonly #rates = new Map<string, number>();
  #list = 0;
  #changes = 0;
  readonly #count = { admitted: 0, refused: 0, revoked: 0, changed: 0, kills: 0, cuts: 0 };

  constructor(random: Random, time: VirtualTime, folder: string) {
    this.#random = random;
    this.#time = time;
    this.#nats = new SimulatedNats(time, random);
    this.#quotaBytes = (1 + random.below(200)) * MIB;
    const names = ['a', 'b', 'c', 'd'].slice(0, 2 + random.below(3));
    this.#hubs = names.map(
      (name) =>
        new SimulatedHub({
          ...{ name, time, nats: this.#nats, staleMs: STALE_MS },
          folder: join(folder, name),
          skewMs: random.below(4_000) - 2_000,
          hubs: () => this.#hubs.filter(({ life }) => life !== null),
          quota: { nodeId: QUOTA_NODE, bytes: this.#quotaBytes, rate: () => this.#rates.get(name) ?? 0 },
          onError: (error) => this.#failures.push(error as Error),
        }),
    );
    this.#devices = Array.from({ length: 3 + random.below(4) }, (_, at) => {
      const publicKey = new Uint8Array(32).fill(at + 1);
      return { publicKey, id: nodeIdOf(publicKey) };
    });
  }

  async run(): Promise<ClusterSummary> {
    const { state } = this.#nats.buckets;
    const key = Buffer.from(this.#key.publicKey).toString('base64url');
    state.write(META_KEY, writeRecord('meta', { name: 'home', key }));
    this.#signList();
    for (const hub of this.#hubs) await hub.start();
    await this.#time.pass(2_000);
    const steps = 40 + this.#random.below(120);
    for (let step = 0; step < steps; step++) {
      await this.#step();
      await this.#time.pass(this.#random.below(this.#random.chance(5) ? 8_000 : 800));
      this.#checkAlways();
    }
    await this.#heal();
    // Each hub has come to say what it could not say before, and once more what its sessions have become.
    await this.#time.pass(CLUSTER_STICKY.refreshEveryMs + 20_000);
    this.#checkAlways();
    this.#checkAgreement();
    const movedBytes = this.#hubs.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
    return { ...this.#count, strict: this.#strict.size, movedBytes };
  }

  end(): void {
    for (const hub of this.#hubs) hub.kill();
  }

  // --- What happens ------------------------------------------------------------------------------------------------------------------------

  async #step(): Promise<void> {
    const random = this.#random;
    const alive = this.#hubs.filter(({ life }) => life !== null);
    const hub = random.pick(alive);
    const device = random.pick(this.#devices)!;
    const does = random.below(100);
    if (does < 8) return this.#disturb();
    if (hub === undefined) return;
    const as = (work: () => Promise<void>) => this.#as(hub, work);
    if (does < 10) await as(() => this.#pair(hub));
    else if (does < 15) await this.#race(random.pick(alive)!, random.pick(alive)!);
    else if (does < 24) await as(() => this.#comes(hub, device, random.pick(this.#tokens) ?? null));
    else if (does < 38) await as(() => this.#comes(hub, device, null));
    else if (does < 44) await as(() => this.#revoke(hub, device));
    else if (does < 56) await this.#settings([hub, random.pick(alive)!], device);
    else if (does < 60) await as(() => this.#rename(hub, device));
    else if (does < 66) await as(() => this.#user(hub));
    else if (does < 84) await as(() => this.#request(hub));
    else if (does < 88) await this.#move(hub);
    else if (does < 94) this.#rates.set(hub.name, random.below(3) * random.below(4 * MIB));
    else this.#signList();
  }

  #as(hub: SimulatedHub, work: () => Promise<void>): Promise<void> {
    return this.#time.as(hub.life!.owner, () => void this.#expected(work()));
  }

  /** What owners may hear of a cluster that cannot be reached, or of somebody who was faster. */
  async #expected(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof UserError)) this.#failures.push(error as Error);
    }
  }

  /** Kills, cuts, and their ends. What a hub has missed is tried at its door as soon as it is back. */
  async #disturb(): Promise<void> {
    const random = this.#random;
    const disturbed = this.#hubs.filter(({ life, network }) => life === null || network.isCut);
    const hub = random.pick(disturbed.length > 0 && random.chance(2) ? disturbed : this.#hubs)!;
    const what = hub.life === null ? 0 : hub.network.isCut ? 1 : random.below(3);
    if (hub.life === null) {
      hub.network.isCut = false;
      await hub.start();
      await this.#knock(hub);
    } else if (what === 0) {
      hub.kill();
      this.#count.kills++;
      await this.#revokeElsewhere(hub);
    } else if (what === 1 && hub.network.isCut) {
      hub.network.isCut = false;
      await this.#knock(hub);
    } else if (what === 1) {
      hub.network.isCut = true;
      this.#count.cuts++;
      await this.#revokeElsewhere(hub);
    } else if (this.#nats.isUp) this.#nats.stop();
    else this.#nats.start();
  }

  async #revokeElsewhere(hub: SimulatedHub): Promise<void> {
    const others = this.#hubs.filter((other) => other !== hub && other.life !== null && other.isReachable);
    const other = this.#random.pick(others);
    const device = this.#random.pick(this.#devices)!;
    if (other === undefined || this.#random.chance(3)) return;
    await this.#as(other, () => this.#revoke(other, device));
    await this.#time.pass(this.#random.below(5_000));
  }

  /** Every device that is revoked, again and again. */
  async #knock(hub: SimulatedHub): Promise<void> {
    const revoked = this.#devices.filter(({ id }) => this.#revokedAtMs.has(id));
    for (let knocks = 0; knocks < 25 && hub.life !== null; knocks++) {
      for (const device of revoked) await this.#as(hub, () => this.#comes(hub, device, null));
      await this.#time.pass(this.#random.below(100));
      this.#checkAlways();
    }
  }

  async #heal(): Promise<void> {
    if (!this.#nats.isUp) this.#nats.start();
    for (const hub of this.#hubs) {
      hub.network.isCut = false;
      if (hub.life === null) await hub.start();
    }
    this.#signList(true);
  }

  async #pair(hub: SimulatedHub): Promise<void> {
    const bytes = Uint8Array.from({ length: 32 }, () => this.#random.below(256));
    const options = { ttlMs: 3_600_000, nowMs: Date.now(), random: bytes };
    await hub.life!.member.ask('createToken', options);
    this.#tokens.push({ bytes, usedBy: new Set() });
  }

  /** Two devices show one link to two hubs. */
  async #race(one: SimulatedHub, other: SimulatedHub): Promise<void> {
    const [first, second] = [this.#random.pick(this.#devices)!, this.#random.pick(this.#devices)!];
    await this.#as(one, () => this.#pair(one));
    await this.#time.pass(100);
    const token = this.#tokens.at(-1);
    if (token === undefined || token.usedBy.size > 0) return;
    await this.#as(one, () => this.#comes(one, first, token));
    await this.#time.pass(this.#random.below(60));
    await this.#as(other, () => this.#comes(other, second, token));
  }

  async #comes(hub: SimulatedHub, device: Device, token: Token | null): Promise<void> {
    // A member that shows an old link is let in by its key.
    const before = this.#recordOf(device);
    if (token !== null) this.#shown.set(device.id, (this.#shown.get(device.id) ?? new Set()).add(token));
    const isIn = await hub.comes(device.publicKey, token?.bytes ?? null);
    if (!isIn) {
      this.#count.refused++;
      return;
    }
    this.#count.admitted++;
    const record = this.#recordOf(device);
    if (record === null) throw new Error(`${hub.name} let in a device of which the cluster knows nothing`);
    const isNew = before === null || before.enrolledAtMs < record.enrolledAtMs;
    // By which of several links, shown at once or one after the other was lost in a hub, nobody can tell.
    const isSure = this.#shown.get(device.id)?.size === 1;
    if (isNew && token !== null && isSure) token.usedBy.add(device.id);
    this.#shown.delete(device.id);
    this.#checkAdmission(hub, device, record);
  }

  /** A revoked device gets in at hubs that cannot know, until their copy is too old. */
  #checkAdmission(hub: SimulatedHub, device: Device, record: NodeRecord): void {
    if (!isRevoked(record)) return;
    const revokedAtMs = this.#revokedAtMs.get(device.id)!;
    const ageMs = this.#time.nowMs - revokedAtMs;
    const isInTouch = hub.isReachable && hub.life!.link.state !== 'away';
    const boundMs = isInTouch ? REVOKED_WITHIN_MS : STALE_MS + NOTICED_WITHIN_MS;
    if (ageMs > boundMs && hub.life!.devices.has(device.id)) {
      throw new Error(
        `${hub.name} let a device in that was revoked ${ageMs} ms ago (in touch: ${isInTouch})`,
      );
    }
  }

  async #revoke(hub: SimulatedHub, { id }: Device): Promise<void> {
    const { book, devices } = hub.life!;
    if (book.get(id) === null || book.get(id)!.stored.revokedAtMs !== null) return;
    this.#count.revoked++;
    await book.revoke(id, Date.now());
    devices.delete(id);
  }

  /** Tags at one hub, and a limit at another, or the same, nearly at once: each keeps what the other has made of it. */
  async #settings(hubs: readonly SimulatedHub[], device: Device): Promise<void> {
    const [one, other] = hubs;
    if (!this.#random.chance(3)) await this.#as(one!, () => this.#tag(one!, device));
    await this.#time.pass(this.#random.below(60));
    if (this.#random.chance(2)) await this.#as(other!, () => this.#limit(other!, device));
  }

  async #limit(hub: SimulatedHub, { id }: Device): Promise<void> {
    const { book } = hub.life!;
    if (book.get(id) === null) return;
    const streams = ++this.#changes;
    await this.#registerOf(this.#limits, id).write(String(streams), this.#time, async () => {
      await book.change(id, { limits: { streams } });
    });
    this.#count.changed++;
  }

  async #tag(hub: SimulatedHub, { id }: Device): Promise<void> {
    const { book } = hub.life!;
    if (book.get(id) === null) return;
    const value = `t${++this.#changes}`;
    await this.#registerOf(this.#tags, id).write(value, this.#time, async () => {
      await book.change(id, { tags: [value] });
    });
    this.#count.changed++;
  }

  async #rename(hub: SimulatedHub, { id }: Device): Promise<void> {
    const { book } = hub.life!;
    if (book.get(id) === null) return;
    const name = this.#random.pick(['phone', 'tablet', 'Phone', 'tv'])!;
    await book.change(id, { name });
  }

  async #user(hub: SimulatedHub): Promise<void> {
    const name = this.#random.pick(['ada', 'eve'])!;
    const isGone = this.#random.chance(3);
    const hash = `h${++this.#changes}`;
    const { users } = hub.life!;
    await this.#registerOf(this.#users, name).write(isGone ? null : hash, this.#time, async () => {
      if (isGone) await users.remove(name);
      else if (users.find(name) === null)
        await users.add(name, hash, { streams: null, tags: null }, Date.now());
      else await users.change(name, { hash }, Date.now());
    });
    this.#count.changed++;
  }

  #registerOf(registers: Map<string, Register>, of: string): Register {
    const known = registers.get(of) ?? new Register();
    registers.set(of, known);
    return known;
  }

  async #request(hub: SimulatedHub): Promise<void> {
    const strict = this.#random.chance(2);
    const key = `${strict ? 'strict' : 'soft'}-${this.#random.below(4)}`;
    // Hubs that reach other devices would begin elsewhere.
    const choice = this.#random.pick(['n1', 'n2', 'n3'])!;
    const node = await hub.request(key, choice, strict, 3_600_000);
    if (!strict) this.#soft.add(key);
    if (!strict || node === null) return;
    const served = this.#strict.get(key) ?? new Set();
    this.#strict.set(key, served.add(node));
    if (served.size > 1)
      throw new Error(`the strict session ${key} was served by ${[...served].join(' and ')}`);
  }

  async #move(hub: SimulatedHub): Promise<void> {
    const key = this.#random.pick([...this.#soft]);
    const nodeId = this.#random.pick(['n1', 'n2', 'n3'])!;
    if (key !== undefined) await this.#time.as(hub.life!.owner, () => hub.move(key, nodeId));
  }

  /** Now and then somebody with the password of NATS puts an old list, or one of their own, in its place. */
  #signList(isOwners = false): void {
    const number =
      !isOwners && this.#list > 1 && this.#random.chance(4) ? Math.max(1, this.#list - 1) : ++this.#list;
    const { secretKey } =
      !isOwners && this.#random.chance(6) ? clusterKeyOf(new Uint8Array(32).fill(6)) : this.#key;
    const list = { cluster: 'home', number, perDevice: null, hubs: [] };
    this.#nats.buckets.state.write(HUBS_KEY, signHubList(list, secretKey));
  }

  // --- What must be so -------------------------------------------------------------------------------------------------------------------

  #recordOf({ id }: Device): NodeRecord | null {
    const entry = this.#nats.buckets.state.get(nodeKey(id));
    if (entry === null) return null;
    const read = readRecord('node', entry.value!);
    if (read.state !== 'good') throw new Error(`the record of ${id} is ${read.state}`);
    return read.record;
  }

  #checkAlways(): void {
    for (const failure of this.#failures) throw failure;
    for (const { usedBy } of this.#tokens) {
      if (usedBy.size > 1) throw new Error(`one token let in ${[...usedBy].join(' and ')}`);
    }
    for (const device of this.#devices) this.#checkRevoked(device);
    const used = this.#hubs.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
    const seconds = this.#hubs.reduce((sum, hub) => sum + hub.seconds, 0);
    if (used > this.#quotaBytes + seconds) {
      throw new Error(`${used} bytes went through, of a quota of ${this.#quotaBytes}`);
    }
  }

  #checkRevoked(device: Device): void {
    const record = this.#recordOf(device);
    if (record === null || !isRevoked(record)) {
      this.#revokedAtMs.delete(device.id);
      return;
    }
    if (!this.#revokedAtMs.has(device.id)) this.#revokedAtMs.set(device.id, this.#time.nowMs);
    // One that was connected does not stay, either.
    const ageMs = this.#time.nowMs - this.#revokedAtMs.get(device.id)!;
    for (const { name, life } of this.#hubs) {
      if (ageMs > STALE_MS + NOTICED_WITHIN_MS && life !== null && life.devices.has(device.id))
        throw new Error(`${name} still has a device that was revoked ${ageMs} ms ago`);
    }
  }

  /** When all is whole again for a while: every hub has what the cluster has, and that is what owners were told. */
  #checkAgreement(): void {
    const names = new Map<string, string>();
    for (const device of this.#devices) {
      const record = this.#recordOf(device);
      if (record === null) continue;
      const holder = names.get(foldName(record.name));
      if (!isRevoked(record)) {
        if (holder !== undefined)
          throw new Error(`${holder} and ${device.id} are both called ${record.name}`);
        names.set(foldName(record.name), device.id);
      }
      this.#tags.get(device.id)?.check(record.settings.tags[0] ?? null, `tags of ${device.id}`);
      const { streams } = record.settings.limits;
      this.#limits
        .get(device.id)
        ?.check(streams === null ? null : String(streams), `streams of ${device.id}`);
      for (const hub of this.#hubs) this.#checkCopy(hub, device, record);
    }
    for (const [name, register] of this.#users) {
      const entry = this.#nats.buckets.state.get(`user.${Buffer.from(name).toString('base64url')}`);
      const read = entry === null ? null : readRecord('user', entry.value!);
      register.check(read?.state === 'good' ? read.record.hash : null, `user ${name}`);
      for (const { name: hub, life } of this.#hubs) {
        const hash = read?.state === 'good' ? read.record.hash : undefined;
        if (life!.users.find(name)?.hash !== hash) throw new Error(`${hub} has another user ${name}`);
      }
    }
    for (const hub of this.#hubs) this.#checkHub(hub);
    this.#checkShares();
  }

  #checkCopy({ name, life }: SimulatedHub, { id }: Device, record: NodeRecord): void {
    const known = life!.book.get(id);
    const isGone = known !== null && known.stored.revokedAtMs !== null;
    if (known === null) throw new Error(`${name} has not heard of ${id}`);
    if (isGone !== isRevoked(record)) throw new Error(`${name} has ${id} revoked: ${isGone}`);
    if (known.stored.name !== record.name) throw new Error(`${name} calls ${id} ${known.stored.name}`);
    if (JSON.stringify(known.settings) !== JSON.stringify({ ...DEFAULT_SETTINGS, ...record.settings }))
      throw new Error(
        `${name} has other settings of ${id}: ${JSON.stringify(known.settings)} vs ${JSON.stringify(record.settings)}`,
      );
    if (isGone && life!.devices.has(id)) throw new Error(`${name} still serves the revoked ${id}`);
  }

  #checkHub({ name, life, list }: SimulatedHub): void {
    const { link, outbox, store, sessions } = life!;
    if (link.state !== 'inStep') throw new Error(`${name} is ${link.state}: ${link.why}`);
    if (store.cluster.outbox().length > 0)
      throw new Error(`${name} keeps revocations back: ${outbox.unpublished}`);
    if (list !== this.#list) throw new Error(`${name} has the list ${list}, and ${this.#list} is the newest`);
    for (const [key, session] of sessions) {
      const there = this.#nats.buckets.sticky.get(stickyEntryKey(key));
      const place = there === null ? null : readStickyPlace(there.value!);
      if (place !== null && place.nodeId !== session.nodeId)
        throw new Error(`${name} serves ${key} by ${session.nodeId}, the cluster by ${place.nodeId}`);
    }
  }

  #checkShares(): void {
    const settings = {
      ...DEFAULT_SETTINGS,
      limits: { ...DEFAULT_SETTINGS.limits, streams: 10, mbitPerSecond: 50 },
    };
    const here = this.#hubs.map(({ life }) => life!.shares.here(QUOTA_NODE, settings).limits);
    const streams = here.reduce((sum, limits) => sum + limits.streams!, 0);
    const rate = here.reduce((sum, limits) => sum + limits.mbitPerSecond!, 0);
    if (streams !== 10 || rate > 50.01 || rate < 49.99) {
      throw new Error(`the shares are ${streams} streams of 10 and ${rate} Mbit/s of 50`);
    }
  }
}
