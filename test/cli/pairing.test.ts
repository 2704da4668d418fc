import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drawPairing } from '../../src/cli/commands/pair.ts';
import { drawNodes } from '../../src/cli/output/nodeText.ts';
import { drawQr } from '../../src/cli/output/terminalQr.ts';
import { writeHubSettings } from '../../src/hub/store/hubFile.ts';
import { Store } from '../../src/hub/store/store.ts';
import type { NodeView } from '../../src/model/fleet.ts';
import { formatLink, parseLink } from '../../src/model/pairingLink.ts';
import { keyPairOf } from '../../src/noise/keyPair.ts';
import { FakeFleet } from '../api/fakeFleet.ts';
import { isWindows } from '../windows.ts';
import { serveFleet } from './fakeHub.ts';
import { runBin } from './runBin.ts';

const NOTHING = { downBytes: 0, upBytes: 0 };

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'restunnel-pair-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** What a node does with a token at its first contact. */
function enroll(token: Uint8Array, secret: number): string | null {
  const store = new Store(dataDir);
  try {
    const verdict = store.admit({
      publicKey: keyPairOf(new Uint8Array(32).fill(secret)).publicKey,
      timestamp: new Uint8Array(12).fill(1),
      enroll: { token, name: 'what it calls itself' },
      nowMs: Date.now(),
    });
    return verdict.verdict === 'accept' ? verdict.node.id : null;
  } finally {
    store.close();
  }
}

describe('without a running hub', () => {
  // The hub's new key is in the Credential Manager on Windows, where this test does not look.
  test.skipIf(isWindows)(
    'a link holds the key of the hub, what it remembered of its address, and a token that works once',
    async () => {
      writeHubSettings(dataDir, { tunnelPort: 9_123, publicHost: 'hub.example.org', publicWebSocket: null });
      const { code, stdout, stderr } = await runBin(
        ['pair', '--json', '--name', 'phone', '--ttl', '2h'],
        dataDir,
      );
      expect(code).toBe(0);
      expect(stderr).toMatch(/^restunnel: no hub is running with [^\n]* on port 9123[^\n]*\n$/);
      const { link, expiresAt } = JSON.parse(stdout);
      const { host, port, hubPublicKey, token } = parseLink(link);
      expect({ host, port }).toEqual({ host: 'hub.example.org', port: 9_123 });
      expect(hubPublicKey).toEqual(keyPairOf(readFileSync(join(dataDir, 'hub_key.bin'))).publicKey);
      expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(7_000_000);
      expect(enroll(token, 1)).not.toBe(null);
      expect(enroll(token, 2)).toBe(null);

      const nodes = JSON.parse((await runBin(['nodes', '--json'], dataDir)).stdout);
      expect(nodes).toEqual([
        expect.objectContaining({ name: 'phone', connected: false, streams: 0, revoked: false }),
      ]);
    },
  );

  test('two links share the key and differ in the token; --public-host names the host', async () => {
    const [one, two] = await Promise.all(
      ['a.example', '2001:db8::1'].map(async (host) => {
        const { stdout } = await runBin(['pair', '--json', '--public-host', host], dataDir);
        return parseLink(JSON.parse(stdout).link);
      }),
    );
    expect([one!.host, two!.host]).toEqual(['a.example', '2001:db8::1']);
    expect([one!.port, two!.port]).toEqual([9_000, 9_000]);
    expect(one!.hubPublicKey).toEqual(two!.hubPublicKey);
    expect(one!.token).not.toEqual(two!.token);
  });

  test("a public host may have a port of its own: the hub still listens on the tunnel's", async () => {
    writeHubSettings(dataDir, {
      tunnelPort: 9_123,
      publicHost: 'hub.example.org:443',
      publicWebSocket: null,
    });
    const remembered = await runBin(['pair', '--json'], dataDir);
    expect(parseLink(JSON.parse(remembered.stdout).link)).toMatchObject({
      host: 'hub.example.org',
      port: 443,
    });
    expect(remembered.stderr).toContain('start one on port 9123');
    const named = await runBin(['pair', '--json', '--public-host', '[2001:db8::1]:8443'], dataDir);
    expect(parseLink(JSON.parse(named.stdout).link)).toMatchObject({ host: '2001:db8::1', port: 8_443 });
  });

  test('the answer says when the host was guessed', async () => {
    const { stdout, stderr } = await runBin(['pair', '--json'], dataDir);
    expect(stderr).toContain(`the link names ${parseLink(JSON.parse(stdout).link).host}, `);
    expect(stderr).toContain('--public-host');
  });

  test('nodes are renamed and revoked by name or id', async () => {
    const { token } = parseLink(JSON.parse((await runBin(['pair', '--json'], dataDir)).stdout).link);
    const id = enroll(token, 1)!;
    const renamed = await runBin(['nodes', 'rename', id, 'my laptop'], dataDir);
    expect(renamed).toMatchObject({ code: 0, stdout: `${id} is now called my laptop\n` });
    const revoked = await runBin(['nodes', 'revoke', 'my laptop', '--json'], dataDir);
    expect(JSON.parse(revoked.stdout)).toMatchObject({ id, name: 'my laptop', revoked: true });
    expect((await runBin(['nodes'], dataDir)).stdout).toMatch(new RegExp(`\n${id}  my laptop  revoked `));
    expect(await runBin(['nodes', 'revoke', 'nobody'], dataDir)).toMatchObject({
      code: 1,
      stderr: 'restunnel: there is no node with the id or name "nobody"\n',
    });
  });

  test('looking leaves nothing behind', async () => {
    const absent = join(dataDir, 'absent');
    expect(await runBin(['nodes', 'list', '--json'], absent)).toMatchObject({ code: 0, stdout: '[]\n' });
    expect((await runBin(['nodes'], absent)).stdout).toBe(
      'No devices are paired yet; make a link with: restunnel pair\n',
    );
    expect((await runBin(['nodes', 'revoke', 'x'], absent)).code).toBe(1);
    expect(existsSync(absent)).toBe(false);
  });
});

describe('with a running hub', () => {
  test('every command is what the hub is asked, and its answer is what is printed', async () => {
    const fleet = new FakeFleet();
    const asked: unknown[] = [];
    const pair = fleet.pair.bind(fleet);
    fleet.pair = async (options) => {
      asked.push(options);
      const { link, ...made } = await pair(options);
      return { ...made, link: formatLink({ ...parseLink(link), host: '127.0.0.1' }) };
    };
    const hub = await serveFleet(dataDir, fleet);
    try {
      const paired = await runBin(['pair', '--json', '--name', 'phone', '--ttl', '90s'], dataDir);
      const { link, expiresAt, ...more } = JSON.parse(paired.stdout);
      expect(more).toEqual({});
      expect(parseLink(link).host).toBe('127.0.0.1');
      expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
      expect(paired.stderr).toContain('works for this machine only');
      const elsewhere = await runBin(['pair', '--json', '--public-host', 'hub.example'], dataDir);
      expect(parseLink(JSON.parse(elsewhere.stdout).link).host).toBe('hub.example');
      expect(elsewhere.stderr).toBe('');
      const listed = await runBin(['nodes', '--json'], dataDir);
      expect(JSON.parse(listed.stdout).map(({ name }: NodeView) => name)).toEqual(
        fleet.nodes().map(({ name }) => name),
      );
      await runBin(['nodes', 'rename', 'Pixel 8', 'x'], dataDir);
      expect(await runBin(['nodes', 'revoke', 'cd'], dataDir)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^restunnel: there is no [^\n]*cd[^\n]*\n$/),
      });
      expect(asked).toEqual([
        { name: 'phone', ttlMs: 90_000 },
        { name: null, ttlMs: 600_000 },
      ]);
      expect(fleet.calls).toEqual(['change 0001f00d {"name":"x"}']);
    } finally {
      await hub.close();
    }
    expect(existsSync(join(dataDir, 'hub.db'))).toBe(false);
  });

  test('the two links of a hub of an older version become one with both ways', async () => {
    const fleet = new FakeFleet();
    const pair = fleet.pair.bind(fleet);
    fleet.pair = async (options) => {
      const made = await pair(options);
      const secrets = made.link.slice(made.link.indexOf('?'));
      return { ...made, webSocketLink: `restunnel+wss://web.example/x${secrets}` };
    };
    const hub = await serveFleet(dataDir, fleet);
    try {
      const { stdout } = await runBin(['pair', '--json', '--way', 'both'], dataDir);
      expect(parseLink(JSON.parse(stdout).link)).toMatchObject({
        ...{ host: 'hub.example.org', port: 9_000 },
        otherWay: { host: 'web.example', port: 443, webSocket: { secure: true, path: '/x' } },
      });
    } finally {
      await hub.close();
    }
  });
});

describe('the drawing of a pairing', () => {
  const pairing = {
    link: 'restunnel://h:1/?k=a&t=b',
    webSocketLink: null,
    bothWaysLink: null,
    expiresAt: '2030-01-01T00:00:00Z',
    fingerprint: 'aaaa bbbb',
  };
  const how = { ttlMs: 600_000, colour: false };

  test('holds the code, the command and the time left', () => {
    const drawing = drawPairing(pairing, how);
    expect(drawing.startsWith(drawQr('restunnel://h:1/?k=a&t=b', false))).toBe(true);
    expect(drawing).toContain('restunnel node --pair "restunnel://h:1/?k=a&t=b"');
    expect(drawing).toContain("fingerprint of the hub's key: aaaa bbbb");
    expect(drawing).toContain('within 10m (until 2030-01-01T00:00:00Z)');
    expect(drawing).not.toContain('--way');
  });

  test('is of the way that was asked for, by default of both', () => {
    const links = {
      ...pairing,
      webSocketLink: 'restunnel+wss://h/x?k=a&t=b',
      bothWaysLink: 'restunnel://h:1/?k=a&t=b&w=wss://h/x',
    };
    expect(drawPairing(links, how)).toContain(drawQr(links.bothWaysLink, false));
    expect(drawPairing(links, how)).toContain(`restunnel node --pair "${links.bothWaysLink}"`);
    expect(drawPairing(links, how)).toContain('--way websocket');
    expect(drawPairing(links, { ...how, way: 'websocket' })).toContain(drawQr(links.webSocketLink, false));
    // The app follows no such link.
    expect(drawPairing(links, { ...how, way: 'websocket' })).not.toContain('fingerprint');
    expect(drawPairing(links, { ...how, way: 'direct' })).toContain(drawQr(links.link, false));
    expect(drawPairing(pairing, { ...how, way: 'direct' })).toContain(drawQr(pairing.link, false));
    for (const way of ['both', 'websocket'] as const)
      expect(() => drawPairing(pairing, { ...how, way })).toThrow(
        /^--way \w+: the hub knows of no web server/,
      );
  });
});

test('the table of nodes', () => {
  const createdAt = '2030-01-01T00:00:00.000Z';
  const [phone] = new FakeFleet().nodes();
  const seen = { createdAt, lastSeenAt: createdAt, network: null, publicAddress: null, country: null };
  const node = { ...phone!, ...seen, id: '00aa', name: 'phone', streams: 12, tags: [], month: NOTHING };
  const nowMs = Date.parse('2030-01-03T05:00:00.000Z');
  const away = { ...node, id: '00bb', connected: false, state: 'away', streams: 0 } as const;
  const table = drawNodes([node, away], nowMs);
  expect(table).toBe(
    'ID    NAME   STATE      STREAMS  LAST SEEN  PAIRED  MONTH\n' +
      '00aa  phone  connected  12       now        2d ago  0 B\n' +
      '00bb  phone  away       -        2d ago     2d ago  0 B\n',
  );
});
