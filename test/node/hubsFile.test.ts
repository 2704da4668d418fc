import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { NODE } from '../../src/limits/node.ts';
import { HubsFile } from '../../src/node/hubsFile.ts';
import { modeOf } from '../windows.ts';

let root: string;
let dataDir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'restunnel-hubs-'));
  dataDir = join(root, 'deep', 'data');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function link(key: number, port = 9_000) {
  return {
    host: 'hub.example',
    port,
    hubPublicKey: new Uint8Array(32).fill(key),
    token: new Uint8Array(32).fill(port),
  };
}

describe('HubsFile', () => {
  it('starts empty and makes nothing', () => {
    expect(new HubsFile(dataDir).hubs).toEqual([]);
    expect(readdirSync(root)).toEqual([]);
  });

  it('comes back from disk as it was left, readable by its owner only', () => {
    const file = new HubsFile(dataDir);
    const one = file.pair(link(1), 'phone');
    const two = file.pair(link(2), 'phone');
    file.enrolled(one.publicKey, 'n1');
    file.setLastTimestamp(two.publicKey, new Uint8Array(12).fill(7));
    const again = new HubsFile(dataDir);
    expect(again.hubs).toEqual(file.hubs);
    expect(again.hubs).toEqual([
      { ...one, nodeId: 'n1', token: null },
      { ...two, lastTimestamp: Buffer.alloc(12, 7).toString('base64url') },
    ]);
    expect(statSync(file.path).mode & 0o777).toBe(modeOf(0o600));
    expect(statSync(dataDir).mode & 0o777).toBe(modeOf(0o700));
    expect(readdirSync(dataDir)).toEqual(['node.json']);
  });

  it('knows a hub by its key: a second link replaces address and token, not the enrolment', () => {
    const file = new HubsFile(dataDir);
    const { publicKey } = file.pair(link(1, 9_000), 'phone');
    file.enrolled(publicKey, 'n1');
    file.setLastTimestamp(publicKey, new Uint8Array(12).fill(1));
    file.pair(link(1, 9_001), 'tablet');
    expect(new HubsFile(dataDir).hubs).toMatchObject([
      {
        port: 9_001,
        name: 'tablet',
        nodeId: 'n1',
        token: Buffer.alloc(32, 9_001).toString('base64url'),
        lastTimestamp: 'AQEBAQEBAQEBAQEB',
      },
    ]);
  });

  it('forgets', () => {
    const file = new HubsFile(dataDir);
    const { publicKey } = file.pair(link(1), 'phone');
    file.pair(link(2), 'phone');
    expect(file.forget(publicKey)).toBe(true);
    expect(file.forget(publicKey)).toBe(false);
    expect(new HubsFile(dataDir).hubs).toHaveLength(1);
    expect(() => file.enrolled(publicKey, 'n')).toThrow('no such hub');
  });

  describe('ways to one hub', () => {
    const web = (path: string) => ({
      ...link(1),
      host: 'web.example.org',
      port: 443,
      webSocket: { secure: true, path },
    });

    it('are kept in the order in which they came, and the one that worked is remembered', () => {
      const file = new HubsFile(dataDir);
      const { publicKey } = file.pair(link(1), 'phone');
      file.pair(web('/a'), 'phone');
      const [direct, behindServer] = file.get(publicKey).ways;
      expect(behindServer).toEqual({
        host: 'web.example.org',
        port: 443,
        webSocket: { secure: true, path: '/a' },
      });
      expect(file.get(publicKey)).toMatchObject({ host: direct!.host, port: direct!.port, lastWay: 0 });
      file.workedBy(publicKey, behindServer!);
      file.pair(link(1), 'phone');
      expect(new HubsFile(dataDir).get(publicKey)).toMatchObject({
        ways: [direct, behindServer],
        lastWay: 1,
      });
    });

    it('a link takes the place of the one of its kind', () => {
      const file = new HubsFile(dataDir);
      const { publicKey } = file.pair(web('/a'), 'phone');
      file.pair(link(1), 'phone');
      file.workedBy(publicKey, file.get(publicKey).ways[1]!);
      file.pair({ ...link(1), port: 9_999 }, 'phone');
      expect(file.get(publicKey).ways).toMatchObject([{ webSocket: { path: '/a' } }, { port: 9_999 }]);
      expect(file.get(publicKey).lastWay).toBe(0);
      file.pair(web('/b'), 'phone');
      expect(file.get(publicKey).ways[0]).toMatchObject({ webSocket: { path: '/b' } });
    });
  });

  it('a link with two ways says which is tried first', () => {
    const file = new HubsFile(dataDir);
    const webSocket = { secure: true, path: '/a' };
    const otherWay = { host: 'web.example.org', port: 443, webSocket };
    const { publicKey } = file.pair({ ...link(1), otherWay }, 'phone');
    const [direct, behindServer, ...more] = file.get(publicKey).ways;
    expect([direct!.port, behindServer, more]).toEqual([link(1).port, otherWay, []]);
    file.workedBy(publicKey, behindServer!);
    // As a service does that is started with the same link each time.
    file.pair({ ...link(1), otherWay }, 'phone');
    expect(new HubsFile(dataDir).get(publicKey)).toMatchObject({ ways: [direct, behindServer], lastWay: 1 });
    file.pair({ ...link(1), port: 9_999, otherWay: { ...otherWay, port: 444 } }, 'phone');
    expect(file.get(publicKey)).toMatchObject({ ways: [{ port: 9_999 }, { port: 444 }], lastWay: 0 });

    const other = file.pair({ ...link(2), ...otherWay }, 'phone').publicKey;
    file.pair({ ...link(2), otherWay }, 'phone');
    expect(file.get(other).ways).toMatchObject([{ port: link(2).port }, { webSocket }]);
    expect(file.get(other)).toMatchObject({ lastWay: 1, host: link(2).host, port: link(2).port });
  });

  it('is bounded', () => {
    const file = new HubsFile(root);
    const record = file.pair(link(255), 'phone');
    const hubs = Array.from({ length: NODE.hubsMax }, (_, i) => ({
      ...record,
      publicKey: Buffer.alloc(32, i).toString('base64url'),
    }));
    writeFileSync(file.path, JSON.stringify({ version: 1, hubs }));
    const full = new HubsFile(root);
    full.pair(link(0), 'phone');
    expect(() => full.pair(link(200), 'phone')).toThrow(UserError);
    expect(full.hubs).toHaveLength(NODE.hubsMax);
  });

  it('says so when it cannot be written, keeps what it had and leaves nothing behind', () => {
    writeFileSync(join(root, 'deep'), '');
    const file = Object.assign(new HubsFile(root), { path: join(root, 'deep', 'node.json') });
    expect(() => file.pair(link(1), 'phone')).toThrow(/cannot write .*deep.*node\.json/);
    expect(file.hubs).toEqual([]);
    expect(readdirSync(root)).toEqual(['deep']);
  });

  it('keeps in memory what it learns while it cannot be written, and says so once', () => {
    const heard: (string | null)[] = [];
    const file = new HubsFile(dataDir, (trouble) => heard.push(trouble));
    const { publicKey } = file.pair(link(1), 'phone');
    // A folder where the file should be: no rename replaces it.
    const { path } = file;
    rmSync(path);
    mkdirSync(join(path, 'in the way'), { recursive: true });
    file.setLastTimestamp(publicKey, new Uint8Array(12).fill(1));
    file.enrolled(publicKey, 'n1');
    expect(file.hubs).toMatchObject([{ nodeId: 'n1', token: null, lastTimestamp: 'AQEBAQEBAQEBAQEB' }]);
    file.pair(link(1, 9_001), 'phone');
    expect(() => file.pair(link(2), 'phone')).toThrow(/cannot write/);
    expect(file.hubs).toMatchObject([{ nodeId: 'n1', port: 9_001 }]);
    expect(heard).toEqual([expect.stringMatching(/cannot write .*node\.json/)]);
    rmSync(path, { recursive: true });
    file.setLastTimestamp(publicKey, new Uint8Array(12).fill(2));
    expect(heard.slice(1)).toEqual([null]);
    expect(new HubsFile(dataDir).hubs).toEqual(file.hubs);
  });

  it('refuses a damaged file, which stays as it is, and one that cannot be read', () => {
    const path = join(root, 'node.json');
    writeFileSync(path, '{');
    expect(() => new HubsFile(root)).toThrow(UserError);
    expect(readFileSync(path, 'utf8')).toBe('{');
    expect(() => new HubsFile(join(root, 'x\0'))).toThrow(UserError);
  });
});
