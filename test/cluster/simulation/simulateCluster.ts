// Hubs of one cluster in virtual time, everything drawn from one seed: what owners, devices and clients do, hubs that are killed, networks
// that are cut, servers that stop, answers that are late or lost. The hubs are the program's own parts; the checker knows nothing of them but
// what they promise. Run by simulation.test.ts and scripts/simulate.ts.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../../src/base/userError.ts';
import { clusterKeyOf, signHubList } from '../../../src/cluster/hubList.ts';
import { HUBS_KEY, META_KEY, writeRecord } from '../../../src/cluster/records.ts';
import { CLUSTER_STICKY } from '../../../src/limits/cluster.ts';
import { nodeIdOf } from '../../../src/noise/nodeId.ts';
import { timeOfTimestamp, timestampAfter } from '../../../src/noise/timestamp.ts';
import { Random } from '../../tunnel/simulation.ts';
import { ClusterChecker, type Device, type Quota, STALE_MS, type Token } from './clusterChecker.ts';
import { SimulatedHub } from './simulatedHub.ts';
import { SimulatedNats } from './simulatedNats.ts';
import { EPOCH_MS, VirtualTime } from './virtualTime.ts';

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
const HOUR_MS = 3_600_000;

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
  readonly #quota: Quota;
  readonly #checker: ClusterChecker;
  readonly #soft = new Set<string>();
  readonly #key = clusterKeyOf(new Uint8Array(32).fill(5));
  readonly #failures: Error[] = [];
  readonly #rates = new Map<string, number>();
  #changes = 0;
  readonly #count = { admitted: 0, refused: 0, revoked: 0, changed: 0, kills: 0, cuts: 0 };

  constructor(random: Random, time: VirtualTime, folder: string) {
    this.#random = random;
    this.#time = time;
    this.#nats = new SimulatedNats(time, random);
    this.#quota = { nodeId: '00000000000000ff', bytes: (1 + random.below(200)) * MIB };
    // Seconds mostly, and minutes where nobody sets the clocks.
    const apartMs = random.chance(4) ? 1_200_000 : 4_000;
    const names = ['a', 'b', 'c', 'd'].slice(0, 2 + random.below(3));
    this.#hubs = names.map(
      (name) =>
        new SimulatedHub({
          ...{ name, time, nats: this.#nats, staleMs: STALE_MS },
          folder: join(folder, name),
          skewMs: random.below(apartMs) - apartMs / 2,
          hubs: () => this.#hubs.filter(({ life }) => life !== null),
          quota: { ...this.#quota, rate: () => this.#rates.get(name) ?? 0 },
          onError: (error) => this.#failures.push(error as Error),
        }),
    );
    this.#devices = Array.from({ length: 3 + random.below(4) }, (_, at) => {
      const publicKey = new Uint8Array(32).fill(at + 1);
      return { publicKey, id: nodeIdOf(publicKey), aheadMs: 0, isKnownAhead: false, timestamp: null };
    });
    this.#checker = new ClusterChecker({
      ...{ time, nats: this.#nats, hubs: this.#hubs, devices: this.#devices, quota: this.#quota, apartMs },
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
      await this.#pause();
    }
    await this.#heal();
    // Each hub has come to say what it could not say before, and once more what its sessions have become.
    await this.#time.pass(CLUSTER_STICKY.refreshEveryMs + 20_000);
    this.#check();
    this.#checker.checkAgreement();
    await this.#checkIn();
    const moved = this.#hubs.flatMap(({ usedBytes }) => [...usedBytes.values()]);
    const movedBytes = moved.reduce((sum, bytes) => sum + bytes, 0);
    return { ...this.#count, strict: this.#checker.strictSessions, movedBytes };
  }

  async #checkIn(): Promise<void> {
    for (const device of this.#devices) {
      device.aheadMs = 0;
      for (const hub of this.#hubs) {
        const timestamp = this.#timestampOf(device);
        await this.#as(hub, async () => {
          this.#checker.checkIn(hub, device, await hub.comes(device.publicKey, timestamp, null));
        });
        await this.#time.pass(1_000);
        this.#check();
      }
    }
  }

  /** Newer than its last, whatever its clock says, until that is set. */
  #timestampOf(device: Device): Uint8Array {
    const nowMs = EPOCH_MS + this.#time.nowMs + device.aheadMs;
    const last = device.timestamp;
    // Once its clock is right again, the device believes it.
    const isSetBack = last !== null && timeOfTimestamp(last) > nowMs + HOUR_MS;
    device.timestamp = timestampAfter(nowMs, isSetBack ? null : last);
    return device.timestamp;
  }

  #check(): void {
    for (const failure of this.#failures) throw failure;
    this.#checker.checkAlways();
  }

  /** Much happens at once, or after a while. */
  async #pause(): Promise<void> {
    const random = this.#random;
    const mostMs = random.pick([30, 30, 800, 800, random.chance(3) ? 8_000 : 800])!;
    await this.#time.pass(random.below(mostMs));
    this.#check();
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
    if (does < 7) return this.#disturb();
    if (hub === undefined) return;
    const as = (work: () => Promise<void>) => this.#as(hub, work);
    if (does < 9) await as(() => this.#pair(hub));
    else if (does < 14) await this.#race(random.pick(alive)!, random.pick(alive)!);
    else if (does < 22) await as(() => this.#comes(hub, device, random.pick(this.#checker.tokens) ?? null));
    else if (does < 34) await as(() => this.#comes(hub, device, null));
    else if (does < 42) await this.#contend(alive, device);
    else if (does < 46) await as(() => this.#revoke(hub, device));
    else if (does < 56) await as(() => this.#set(hub, device));
    else if (does < 60) await as(() => this.#rename(hub, device));
    else if (does < 66) await as(() => this.#user(hub));
    else if (does < 84) await as(() => this.#request(hub));
    else if (does < 88) await this.#move(hub);
    else if (does < 90) device.aheadMs = device.aheadMs === 0 && random.chance(3) ? 2 * HOUR_MS : 0;
    else if (does < 95) this.#rates.set(hub.name, random.below(3) * random.below(4 * MIB));
    else this.#signList();
  }

  /** Owners at several hubs, and the device itself, at one moment. */
  async #contend(alive: readonly SimulatedHub[], device: Device): Promise<void> {
    const random = this.#random;
    await this.#as(alive[0]!, () => this.#pair(alive[0]!));
    await this.#time.pass(100);
    const token = this.#checker.tokens.at(-1) ?? null;
    for (let deeds = 2 + random.below(4); deeds > 0; deeds--) {
      const hub = random.pick(alive)!;
      const does = random.below(6);
      await this.#as(hub, () => {
        if (does < 2) return this.#comes(hub, device, token);
        if (does < 4) return this.#set(hub, device);
        return does < 5 ? this.#revoke(hub, device) : this.#rename(hub, device);
      });
      await this.#time.pass(random.below(25));
    }
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
      this.#mend(hub);
      await hub.start();
      await this.#knock(hub);
    } else if (what === 0) {
      hub.kill();
      this.#count.kills++;
      await this.#revokeElsewhere(hub);
    } else if (what === 1 && hub.network.isCut) {
      this.#mend(hub);
      await this.#knock(hub);
    } else if (what === 1) {
      hub.network.isCut = true;
      this.#count.cuts++;
      await this.#revokeElsewhere(hub);
    } else if (this.#nats.isUp) this.#nats.stop();
    else this.#nats.start();
  }

  #mend({ network }: SimulatedHub): void {
    if (network.isCut) network.wholeAtMs = this.#time.nowMs;
    network.isCut = false;
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
    const revoked = this.#devices.filter((device) => this.#checker.isRevoked(device));
    for (let knocks = 0; knocks < 25 && hub.life !== null; knocks++) {
      for (const device of revoked) await this.#as(hub, () => this.#comes(hub, device, null));
      await this.#time.pass(this.#random.below(100));
      this.#check();
    }
  }

  async #heal(): Promise<void> {
    if (!this.#nats.isUp) this.#nats.start();
    for (const hub of this.#hubs) {
      this.#mend(hub);
      if (hub.life === null) await hub.start();
    }
    this.#signList(true);
  }

  async #pair(hub: SimulatedHub): Promise<void> {
    const bytes = Uint8Array.from({ length: 32 }, () => this.#random.below(256));
    const options = { ttlMs: 3_600_000, nowMs: Date.now(), random: bytes };
    await hub.life!.member.ask('createToken', options);
    this.#checker.tokens.push({ bytes, usedBy: new Set() });
  }

  /** Two devices show one link to two hubs. */
  async #race(one: SimulatedHub, other: SimulatedHub): Promise<void> {
    const [first, second] = [this.#random.pick(this.#devices)!, this.#random.pick(this.#devices)!];
    await this.#as(one, () => this.#pair(one));
    await this.#time.pass(100);
    const token = this.#checker.tokens.at(-1);
    if (token === undefined || token.usedBy.size > 0) return;
    await this.#as(one, () => this.#comes(one, first, token));
    await this.#time.pass(this.#random.below(60));
    await this.#as(other, () => this.#comes(other, second, token));
  }

  async #comes(hub: SimulatedHub, device: Device, token: Token | null): Promise<void> {
    const attempt = this.#checker.comes(hub, device, token);
    const enrolment =
      token === null ? null : this.#checker.registerOf('membership', device.id).begin('member', this.#time);
    const isIn = await hub.comes(device.publicKey, this.#timestampOf(device), token?.bytes ?? null);
    const isNew = this.#checker.came(attempt, isIn);
    // The record of a device that does not get in may be there.
    enrolment?.(isNew ? 'done' : isIn ? 'not done' : 'perhaps');
    if (isIn) this.#count.admitted++;
    else this.#count.refused++;
  }

  async #revoke(hub: SimulatedHub, { id }: Device): Promise<void> {
    const { book, devices } = hub.life!;
    if (book.get(id) === null || book.get(id)!.stored.revokedAtMs !== null) return;
    this.#count.revoked++;
    const ended = this.#checker.registerOf('membership', id).begin('revoked', this.#time);
    // Also when the cluster has not heard of it yet.
    await book.revoke(id, Date.now());
    ended('done');
    if (book.get(id)!.stored.revokedAtMs !== null) devices.delete(id);
  }

  /** One of its settings, beside which another hub's owner may change another. */
  async #set(hub: SimulatedHub, { id }: Device): Promise<void> {
    const { book } = hub.life!;
    if (book.get(id) === null) return;
    const number = ++this.#changes;
    const isTag = this.#random.chance(2);
    const value = isTag ? `t${number}` : number;
    const change = isTag ? { tags: [`t${number}`] } : { limits: { streams: number } };
    const register = this.#checker.registerOf(isTag ? 'tags' : 'streams', id);
    await register.write(value, this.#time, async () => {
      await book.change(id, change);
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
    const number = ++this.#changes;
    const hash = `h${number}`;
    const { users } = hub.life!;
    await this.#checker.registerOf('hash', name).write(isGone ? null : hash, this.#time, async () => {
      const limits = { streams: number, tags: null };
      if (isGone) await users.remove(name);
      else if (users.find(name) === null) await users.add(name, hash, limits, Date.now());
      else await users.change(name, { hash, limits }, Date.now());
    });
    this.#count.changed++;
  }

  async #request(hub: SimulatedHub): Promise<void> {
    const strict = this.#random.chance(2);
    const key = `${strict ? 'strict' : 'soft'}-${this.#random.below(4)}`;
    // Hubs that reach other devices would begin elsewhere.
    const choice = this.#random.pick(['n1', 'n2', 'n3'])!;
    const node = await hub.request(key, choice, strict, 3_600_000);
    if (!strict) this.#soft.add(key);
    if (!strict || node === null) return;
    this.#checker.servedStrictly(key, node);
  }

  async #move(hub: SimulatedHub): Promise<void> {
    const key = this.#random.pick([...this.#soft]);
    const nodeId = this.#random.pick(['n1', 'n2', 'n3'])!;
    if (key !== undefined) await this.#time.as(hub.life!.owner, () => hub.move(key, nodeId));
  }

  /** Now and then somebody with the password of NATS puts an old list, or one of their own, in its place. */
  #signList(isOwners = false): void {
    const { list: newest } = this.#checker;
    const isOld = !isOwners && newest > 1 && this.#random.chance(4);
    const number = isOld ? Math.max(1, newest - 1) : ++this.#checker.list;
    const { secretKey } =
      !isOwners && this.#random.chance(6) ? clusterKeyOf(new Uint8Array(32).fill(6)) : this.#key;
    const list = { cluster: 'home', number, perDevice: null, hubs: [] };
    this.#nats.buckets.state.write(HUBS_KEY, signHubList(list, secretKey));
  }
}
