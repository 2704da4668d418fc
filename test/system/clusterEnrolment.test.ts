// A hub of a cluster is killed in the middle of pairing a device, at each step that NATS sees: the device shows its link to another hub and gets
// in, nobody else does by that link, and there is one device afterwards.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LightNode } from '../../bench/fleet/lightNode.ts';
import { runBin } from '../cli/runBin.ts';
import { Nats } from '../cluster/natsServers.ts';
import { needs } from '../require.ts';
import { endAll, eventually, type Hub, makeTempDir, startHub } from './harness.ts';
import { makePairing, nodesOf } from './ownerOf.ts';

const need = needs('nats-server');
const ATTEMPT_MS = 9_000;
/** Silence is the answer. */
const REFUSED_MS = 2_500;
const AGREED_MS = 60_000;
/** What is published to a key begins with this and the bucket; longer than the pieces in which it may come. */
const OVERLAP_CHARS = 200;

/** Between a hub and NATS. It holds everything up once the hub writes to a certain key. */
class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #rule: { writes: string; passes: boolean } | null = null;
  #isHolding = false;
  #held: () => void = () => {};

  private constructor(server: Server, port: number) {
    this.#server = server;
    server.on('connection', (hub) => this.#relay(hub, connect(port, '127.0.0.1')));
  }

  static async start(port: number): Promise<Relay> {
    const server = createServer();
    const relay = new Relay(server, port);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when the hub writes there. `passes`: the write gets to NATS, and its answer does not come. */
  holdAt(writes: string, passes: boolean): Promise<void> {
    this.#rule = { writes, passes };
    return new Promise((resolve) => {
      this.#held = resolve;
    });
  }

  #relay(hub: Socket, nats: Socket): void {
    let before = '';
    for (const socket of [hub, nats]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        hub.destroy();
        nats.destroy();
      });
    }
    nats.on('data', (data) => {
      if (!this.#isHolding) hub.write(data);
    });
    hub.on('data', (data: Buffer) => {
      if (this.#isHolding) return;
      const text = before + data.toString('latin1');
      before = text.slice(-OVERLAP_CHARS);
      const isThere = this.#rule !== null && text.includes(this.#rule.writes);
      if (isThere) this.#isHolding = true;
      if (!isThere || this.#rule!.passes) nats.write(data);
      if (isThere) this.#held();
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

const CLUSTER = 'home';

let nats: Nats;
let other: Hub;

const member = (urls = nats.urls, dataDir = makeTempDir()) =>
  startHub({ dataDir, args: ['--cluster', urls, '--cluster-name', CLUSTER] });

/** With so much time that it gets in, once the hub is in step. */
const getsIn = (node: LightNode) => eventually(() => node.attempt(ATTEMPT_MS).then(() => true), AGREED_MS);

const STEPS = [
  { name: 'one', when: 'its token is claimed, before it hears so', writes: 'tokens.', passes: true },
  { name: 'two', when: 'its name is to be claimed', writes: 'state.name.', passes: false },
  { name: 'three', when: 'its record is to be written', writes: 'state.node.', passes: false },
  { name: 'four', when: 'its record is written, before it hears so', writes: 'state.node.', passes: true },
];

describe.skipIf(need.skip)(`a hub that is killed while it pairs a device ${need.why}`, () => {
  beforeAll(async () => {
    nats = await Nats.start(1);
    const flags = ['--cluster', nats.urls, '--cluster-name', CLUSTER];
    const create = ['cluster', 'create', CLUSTER, '--key', join(makeTempDir(), 'cluster.key'), ...flags];
    expect(await runBin(create, makeTempDir())).toMatchObject({ code: 0 });
    other = await member();
  });
  afterAll(async () => {
    await endAll();
    await nats.stop();
  });

  test.each(STEPS)(
    'when $when',
    async ({ name, writes, passes }) => {
      const relay = await Relay.start(nats.servers[0]!.port);
      try {
        const killed = await member(relay.url);
        const { link } = await makePairing(other, name, 600_000);
        const atOther = new LightNode(link, other.ready.tunnel, name);
        const atKilled = atOther.atHub(killed.ready.publicKey, killed.ready.tunnel, { withToken: true });

        const held = relay.holdAt(`$KV.${CLUSTER}_${writes}`, passes);
        const attempt = atKilled.attempt(60_000).then(
          () => 'it got in',
          () => 'it was left alone',
        );
        await held;
        await killed.kill();
        expect(await attempt).toBe('it was left alone');

        await getsIn(atOther);
        await expect(
          new LightNode(link, other.ready.tunnel, 'stranger').attempt(REFUSED_MS),
        ).rejects.toThrow();
        const devices = async (hub: Hub) =>
          (await nodesOf(hub)).filter((node) => node.id === atOther.id || node.name.startsWith(name));
        const one = [{ id: atOther.id, name, revoked: false, connected: true }];
        expect(await devices(other)).toMatchObject(one);

        // At the hub that was killed as well, by its key and by its link.
        const { publicKey, tunnel } = (await member(nats.urls, killed.dataDir)).ready;
        const known = atOther.atHub(publicKey, tunnel);
        await getsIn(known);
        known.vanish();
        await getsIn(atOther.atHub(publicKey, tunnel, { withToken: true }));
        expect(await devices(other)).toMatchObject(one);
        expect(other.faults()).toEqual([]);
      } finally {
        relay.close();
      }
    },
    180_000,
  );
});
