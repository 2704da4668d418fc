// Pairing, from the printed link to the first record; and the silence with which the tunnel port meets everyone else.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { drawQr } from '../../src/cli/output/terminalQr.ts';
import { STRANGER } from '../../src/limits/strangers.ts';
import { formatLink, parseLink } from '../../src/model/pairingLink.ts';
import { computeMac1, mac1Key } from '../../src/noise/mac1.ts';
import { nodeIdOf } from '../../src/noise/nodeId.ts';
import { decodeMessage2 } from '../../src/noise/payload.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';
import { needs } from '../require.ts';
import {
  type FirstMessageOptions,
  firstMessage,
  type Heard,
  listenToAnswer,
  listenToSilence,
  newKeyPair,
  withLength,
} from './firstContact.ts';
import {
  eventually,
  type Hub,
  launchNode,
  listNodes,
  makeLink,
  type Program,
  runCommand,
  startHub,
  startNode,
} from './harness.ts';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});

/** The same link with another way to the hub. */
function through(link: string, port: number): string {
  return formatLink({ ...parseLink(link), host: '127.0.0.1', port });
}

async function tokenOf(hub: Hub): Promise<Uint8Array> {
  return parseLink((await makeLink(hub)).link).token;
}

/** Resolves with the reason the node gives for not getting in. */
async function refusal(node: Program<unknown>): Promise<string> {
  return (await node.waitForLog(({ level, msg }) => level === 40 && msg.includes('gave no answer'), 30_000))
    .msg;
}

describe('restunnel pair', () => {
  test('prints the QR code of the link it prints, and the command to type', async () => {
    const { stdout } = await runCommand(
      ['pair', '--name', 'phone', '--public-host', 'hub.example.org'],
      hub.dataDir,
    );
    const link = /restunnel node --pair "([^"]+)"/.exec(stdout)![1]!;
    const { host, port, hubPublicKey } = parseLink(link);
    expect({ host, port }).toEqual({ host: 'hub.example.org', port: hub.tunnel.port });
    expect(Buffer.from(hubPublicKey).toString('base64url')).toBe(hub.ready.publicKey);
    expect(stdout.startsWith(drawQr(link, false))).toBe(true);
  });

  test('a link made with the hub running lets one device in, under the name of the link', async () => {
    const { link, expiresAt } = await makeLink(hub, ['--name', 'kitchen phone', '--ttl', '1h']);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(3_500_000);
    const node = await startNode({ links: [link], args: ['--name', 'what it calls itself'] });
    const nodes = await listNodes(hub);
    expect(nodes).toContainEqual(
      expect.objectContaining({ id: node.ready.nodeId, name: 'kitchen phone', connected: true }),
    );
    expect(node.ready.hubs).toEqual([hub.ready.tunnel]);
    await node.stop();
  });

  test('a link made before the hub runs works once it does', async () => {
    const first = await startHub();
    const { dataDir } = first;
    const { tunnel } = first.ready;
    await first.stop();
    const { stdout, stderr } = await runCommand(['pair', '--json', '--public-host', '127.0.0.1'], dataDir);
    const { link } = JSON.parse(stdout);
    expect(parseLink(link).port).toBe(Number(tunnel.split(':')[1]));
    expect(stderr).toContain('no hub is running');
    const node = launchNode({ links: [link] });
    await node.waitForLog(({ msg }) => msg.includes('ECONNREFUSED'));
    const again = await startHub({ dataDir, args: ['--tunnel', tunnel] });
    expect(again.ready.publicKey).toBe(first.ready.publicKey);
    await node.untilReady();
    expect(await listNodes(again)).toEqual([
      expect.objectContaining({ id: node.ready.nodeId, connected: true }),
    ]);
    await Promise.all([again.stop({ atOnce: true }), node.stop()]);
  });
});

describe.concurrent('one device per link, and silence towards everyone else', () => {
  test('of two devices racing for one link, one gets in; the other gets silence and says why', async () => {
    const { link } = await makeLink(hub);
    const nodes = [launchNode({ links: [link] }), launchNode({ links: [link] })];
    const winner = await Promise.any(nodes.map((node) => node.untilReady()));
    const loser = nodes.find((node) => node !== winner)!;
    expect(await refusal(loser)).toContain('make a new link with restunnel pair');
    expect(winner.log.filter(({ level }) => level >= 40)).toEqual([]);
    expect(() => loser.ready).toThrow();
    await Promise.all(nodes.map((node) => node.stop()));
  });

  test('raw devices racing for one token: one answer, the rest silence', async () => {
    const token = await tokenOf(hub);
    const hubPublicKey = parseLink((await makeLink(hub)).link).hubPublicKey;
    const racers = Array.from({ length: 12 }, () => {
      const keyPair = newKeyPair();
      return { keyPair, ...firstMessage({ hubPublicKey, keyPair, token }) };
    });
    const answers = await Promise.all(racers.map(({ bytes }) => listenToAnswer(hub.ready.tunnel, bytes)));
    const winners = racers.filter((_, at) => answers[at] !== null);
    expect(winners.length).toBe(1);
    const { payload } = winners[0]!.initiator.finish(answers.find((answer) => answer !== null)!);
    expect(decodeMessage2(payload).enrolledAs).toBe(nodeIdOf(winners[0]!.keyPair.publicKey));
  });

  test('a device whose answer was lost on the way asks again with the same link and gets in', async () => {
    const proxy = await Relay.start(hub.tunnel.port);
    proxy.onAnswer = (device) => device.destroy();
    const { link } = await makeLink(hub);
    const node = launchNode({ links: [through(link, proxy.port)] });
    await eventually(() => proxy.answersSeen > 0);
    expect(() => node.ready).toThrow();
    proxy.onAnswer = null;
    await node.untilReady();
    expect((await listNodes(hub)).filter(({ id }) => id === node.ready.nodeId)).toHaveLength(1);
    await node.stop();
    proxy.close();
  });

  test('a device that died between the answer and saving it gets in with the same link', async () => {
    const { link } = await makeLink(hub);
    const first = await startNode({ links: [link] });
    await first.kill();
    const path = join(first.dataDir, 'node.json');
    const content = JSON.parse(readFileSync(path, 'utf8'));
    expect(content.hubs[0]).toMatchObject({ nodeId: first.ready.nodeId, token: null });
    content.hubs[0].nodeId = null;
    content.hubs[0].token = Buffer.from(parseLink(link).token).toString('base64url');
    writeFileSync(path, JSON.stringify(content));
    const second = await startNode({ dataDir: first.dataDir });
    expect(second.ready.nodeId).toBe(first.ready.nodeId);
    expect(JSON.parse(readFileSync(path, 'utf8')).hubs[0]).toMatchObject({
      nodeId: first.ready.nodeId,
      token: null,
    });
    await second.stop();
  });

  test('a service that starts with its used link every time comes back', async () => {
    const { link } = await makeLink(hub);
    const first = await startNode({ links: [link] });
    await first.stop();
    const second = await startNode({ links: [link], dataDir: first.dataDir });
    expect(second.ready.nodeId).toBe(first.ready.nodeId);
    await second.stop();
  });

  test('whatever a stranger sends, it gets nothing until the same deadline as a silent one', async () => {
    const address = hub.ready.tunnel;
    const sayings = await strangeSayings(hub);
    const first = listenToSilence(address, []);
    const strangers = sayings.map(({ what, chunks, hangUp }) => ({
      what,
      heard: listenToSilence(address, chunks, hangUp),
    }));
    const last = listenToSilence(address, []);
    const silent = [await first, await last] as const;
    for (const { what, heard } of strangers) expectSilence(what, await heard, silent);
    expect(hub.faults()).toEqual([]);
  });

  test('a replayed first message gets no reply, and the device itself gets in again', async () => {
    const proxy = await Relay.start(hub.tunnel.port);
    const { link } = await makeLink(hub);
    const node = await startNode({ links: [through(link, proxy.port)] });
    const recorded = proxy.messages[0]!;
    expect(recorded.length).toBe(2 + recorded.readUInt16BE());
    const silent = listenToSilence(hub.ready.tunnel, []);
    const replayed = listenToSilence(hub.ready.tunnel, [recorded]);
    await node.kill();
    const replayedLater = listenToSilence(hub.ready.tunnel, [recorded]);
    const last = listenToSilence(hub.ready.tunnel, []);
    const again = await startNode({ dataDir: node.dataDir });
    expect(again.ready.nodeId).toBe(node.ready.nodeId);
    for (const heard of [replayed, replayedLater])
      expectSilence('a replay', await heard, [await silent, await last]);
    await again.stop();
    proxy.close();
  });

  const nmap = needs('nmap');
  test.skipIf(nmap.skip)(`a service scan names nothing ${nmap.why}`, async () => {
    const port = String(hub.tunnel.port);
    const args = [
      '-sV',
      '--version-light',
      '-Pn',
      '-n',
      '-p',
      port,
      '--host-timeout',
      '60s',
      '-oX',
      '-',
      '127.0.0.1',
    ];
    const xml = await new Promise<string>((resolve, reject) => {
      execFile('nmap', args, { timeout: 90_000 }, (error, stdout) => {
        if (error !== null) reject(error);
        else resolve(stdout);
      });
    });
    const service = new RegExp(`<port protocol="tcp" portid="${port}">(.*?)</port>`, 's').exec(xml)![1]!;
    expect(service).toMatch(/<state state="(open|filtered|open\|filtered)"/);
    // No fingerprint of bytes, no product; a name would come from nmap's table of port numbers alone.
    expect(service).not.toMatch(/servicefp|product=|version=|method="probed"/);
  });
});

/** Not a byte, the same kind of end, and an end between those of two silent sockets, one opened before and one after. */
function expectSilence(what: string, heard: Heard, [before, after]: readonly [Heard, Heard]): void {
  expect({ what, bytes: heard.bytes, how: heard.how }).toEqual({ what, bytes: 0, how: before.how });
  expect(before.how).toBe('end');
  expect(heard.endedMs - heard.startedMs, what).toBeGreaterThanOrEqual(STRANGER.deadlineMs - TIMER_TICK_MS);
  expect(heard.endedMs, what).toBeLessThanOrEqual(after.endedMs + SAME_MOMENT_MS);
}

/** The hub's clock is read once a turn. */
const TIMER_TICK_MS = 50;
/** Deadlines of neighbours fall into one tick of the hub's timers; the rest is this machine being busy. */
const SAME_MOMENT_MS = STRANGER.deadlineMs / 2;

interface Saying {
  what: string;
  chunks: Uint8Array[];
  hangUp?: boolean;
}

async function strangeSayings(hub: Hub): Promise<Saying[]> {
  const { hubPublicKey } = parseLink((await makeLink(hub)).link);
  const live = await tokenOf(hub);

  const used = await tokenOf(hub);
  const user = firstMessage({ hubPublicKey, keyPair: newKeyPair(), token: used });
  expect(await listenToAnswer(hub.ready.tunnel, user.bytes)).not.toBe(null);

  const expiring = await makeLink(hub, ['--ttl', '1s']);
  const member = newKeyPair();
  const joining = firstMessage({ hubPublicKey, keyPair: member, token: await tokenOf(hub) });
  expect(await listenToAnswer(hub.ready.tunnel, joining.bytes)).not.toBe(null);
  const hourAgo = timestampAfter(Date.now() - 3_600_000, null);

  const valid = firstMessage({ hubPublicKey, keyPair: newKeyPair(), token: live }).bytes;
  const flipped = (at: number): Buffer => {
    const copy = Buffer.from(valid);
    const index = at < 0 ? copy.length + at : at;
    copy[index] = copy[index]! ^ 1;
    return copy;
  };
  // Only the decryption can tell.
  const body = flipped(60).subarray(2, -16);
  const wrongButMac1 = withLength(Buffer.concat([body, computeMac1(mac1Key(hubPublicKey), body)]));
  const otherHub = newKeyPair().publicKey;

  await eventually(() => Date.now() > Date.parse(expiring.expiresAt));
  const message = (options: Partial<FirstMessageOptions>): Uint8Array[] => [
    firstMessage({ hubPublicKey, keyPair: newKeyPair(), ...options }).bytes,
  ];
  return [
    { what: 'an unknown key', chunks: message({}) },
    { what: 'a used token', chunks: message({ token: used }) },
    { what: 'an expired token', chunks: message({ token: parseLink(expiring.link).token }) },
    { what: 'an invented token', chunks: message({ token: new Uint8Array(randomBytes(32)) }) },
    { what: 'a member with an old timestamp', chunks: message({ keyPair: member, timestamp: hourAgo }) },
    { what: 'the key of another hub', chunks: message({ hubPublicKey: otherHub, token: live }) },
    { what: 'the first message of a member, again', chunks: [joining.bytes] },
    { what: 'a changed mac1', chunks: [flipped(-1)] },
    { what: 'a changed body', chunks: [flipped(60)] },
    { what: 'a changed body with its mac1', chunks: [wrongButMac1] },
    { what: 'a message and a byte behind it', chunks: [Buffer.concat([valid, Buffer.from([0])])] },
    { what: 'half a message', chunks: [valid.subarray(0, 100)] },
    { what: 'half a message and a hang-up', chunks: [valid.subarray(0, 100)], hangUp: true },
    { what: 'a hang-up', chunks: [], hangUp: true },
    { what: 'one byte', chunks: [Buffer.from([1])] },
    { what: 'a length of 0', chunks: [Buffer.alloc(2)] },
    { what: 'a length of 65535', chunks: [Buffer.from([0xff, 0xff])] },
    { what: 'little garbage', chunks: [randomBytes(300)] },
    { what: 'much garbage', chunks: [randomBytes(1_000_000)] },
    { what: 'TLS', chunks: [TLS_CLIENT_HELLO] },
    { what: 'SSH', chunks: [Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')] },
    { what: 'HTTP', chunks: [Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')] },
    { what: 'SOCKS5', chunks: [Buffer.from([5, 1, 0])] },
  ];
}

/** A ClientHello for localhost as OpenSSL sends it, shortened to what every server looks at. */
const TLS_CLIENT_HELLO = Buffer.concat([
  Buffer.from('160301002f0100002b0303', 'hex'),
  Buffer.alloc(32, 7),
  Buffer.from('000004130113020100', 'hex'),
]);

/** Stands between a device and a hub, records what the device says first, and can drop the hub's answer. */
class Relay {
  readonly port: number;
  /** The first bytes of each connection. */
  readonly messages: Buffer[] = [];
  answersSeen = 0;
  onAnswer: ((device: Socket) => void) | null = null;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, hubPort: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (device) => this.#serve(device, hubPort));
  }

  static start(hubPort: number): Promise<Relay> {
    const server = createServer();
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(new Relay(server, hubPort)));
    });
  }

  #serve(device: Socket, hubPort: number): void {
    const toHub = connect(hubPort, '127.0.0.1');
    for (const [socket, other] of [
      [device, toHub],
      [toHub, device],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => other.destroy());
    }
    device.once('data', (data: Buffer) => this.messages.push(data));
    device.on('data', (data: Buffer) => toHub.write(data));
    toHub.on('data', (data: Buffer) => {
      this.answersSeen++;
      if (this.onAnswer === null) device.write(data);
      else this.onAnswer(device);
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
