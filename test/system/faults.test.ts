// Everything a user can get wrong: each mistake gets one clear sentence and the right exit code, and nothing keeps running.

import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BIN, type Finished, runBin } from '../cli/runBin.ts';
import { needs } from '../require.ts';
import { endAll, launchNode, makeLink, makeTempDir, pairNode, startHub, startNode } from './harness.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = makeTempDir();
});
afterEach(endAll);

const ANY = ['tunnel', 'socks', 'http', 'dashboard'].flatMap((name) => [`--${name}`, '127.0.0.1:0']);

const hub = (...args: string[]) => runBin(['hub', '--log-level', 'error', ...ANY, ...args], dataDir);
const node = (...args: string[]) => runBin(['node', '--log-level', 'error', ...args], dataDir);

/** Failed with that code and one sentence on stderr that matches; nothing on stdout. */
function expectSentence(finished: Finished, code: number, sentence: RegExp): void {
  expect(finished).toMatchObject({ code, stdout: '' });
  expect(finished.stderr).toMatch(/^restunnel: [^\n]+\n$/);
  expect(finished.stderr).toMatch(sentence);
}

/** A directory that a hub has used. */
async function usedDir(): Promise<string> {
  const { code } = await runBin(['pair', '--json', '--data-dir', dataDir], dataDir);
  expect(code).toBe(0);
  return dataDir;
}

describe('keys', () => {
  test.each([
    ['hub_key.bin', hub],
    ['node_key.bin', node],
  ])('%s that others may read, is too short, or is a folder', async (name, run) => {
    const path = join(dataDir, name);
    writeFileSync(path, Buffer.alloc(32, 7), { mode: 0o644 });
    expectSentence(await run(), 1, new RegExp(`${name} may be read by other users.*chmod 600`));
    chmodSync(path, 0o600);
    writeFileSync(path, Buffer.alloc(31, 7));
    expectSentence(await run(), 1, new RegExp(`${name} is not a key: it should hold 32 bytes but holds 31`));
    const other = makeTempDir();
    mkdirSync(join(other, name));
    const command = name === 'hub_key.bin' ? ['hub', ...ANY] : ['node'];
    expectSentence(
      await runBin([...command, '--data-dir', other], dataDir),
      1,
      new RegExp(`${name} is not a file`),
    );
  });
});

describe('stores', () => {
  test.each([
    ['garbage', () => Buffer.alloc(8_192, 'no database ')],
    ['a file cut in half', (whole: Buffer) => whole.subarray(0, whole.length / 2)],
    [
      'pages overwritten',
      (whole: Buffer) => Buffer.concat([whole.subarray(0, 4_096), Buffer.alloc(whole.length - 4_096, 0xaa)]),
    ],
  ])('a damaged hub.db: %s', async (_what, damage) => {
    await usedDir();
    const path = join(dataDir, 'hub.db');
    const damaged = damage(readFileSync(path));
    writeFileSync(path, damaged);
    for (const command of [hub, () => runBin(['nodes'], dataDir), () => runBin(['pair'], dataDir)]) {
      expectSentence(await command(), 1, /the store .*hub\.db is damaged; restore it from a backup/);
    }
    expect(readFileSync(path)).toEqual(damaged);
  });

  test('a damaged hub.json', async () => {
    writeFileSync(join(dataDir, 'hub.json'), '{');
    expectSentence(await hub(), 1, /hub\.json is damaged; delete it/);
  });

  test('a damaged node.json', async () => {
    writeFileSync(join(dataDir, 'node.json'), '{"version":1,"hubs":[{}]}');
    expectSentence(await node(), 1, /node\.json is damaged \(hub 1 has no valid host\)/);
  });

  test('a node.json of a newer version', async () => {
    writeFileSync(join(dataDir, 'node.json'), '{"version":2}');
    expectSentence(await node(), 1, /node\.json was written by a newer version/);
  });
});

describe('data directories', () => {
  test('a file in the way', async () => {
    const path = join(dataDir, 'file');
    writeFileSync(path, '');
    for (const inside of [path, join(path, 'deeper')]) {
      expectSentence(await hub('--data-dir', inside), 1, /as the data directory: a file is in the way/);
      expectSentence(await node('--data-dir', inside), 1, /as the data directory: a file is in the way/);
    }
  });

  test('a path too long for the control socket', async () => {
    const long = join(dataDir, 'x'.repeat(100));
    const sentence = /too long for a socket \(\d+ bytes; \d+ at most\); choose a shorter --data-dir/;
    expectSentence(await hub('--data-dir', long), 1, sentence);
  });

  const tools = needs('unshare', 'mount');
  const isRoot = process.getuid?.() === 0;
  const why = isRoot ? tools.why : 'needs root to mount';
  describe.skipIf(tools.skip || !isRoot)(`on a file system of its own ${why}`, () => {
    test('read-only', async () => {
      expectSentence(
        await mounted('ro,size=1m', 'hub'),
        1,
        /as the data directory: the file system is read-only/,
      );
      expectSentence(
        await mounted('ro,size=1m', 'node'),
        1,
        /as the data directory: the file system is read-only/,
      );
    });

    test('a full disk', async () => {
      const full = /(the disk is full|ENOSPC|database or disk is full|disk I\/O error)/;
      for (const command of ['hub', 'pair', 'quickstart']) {
        expectSentence(
          await mounted('size=4k', command, 'head -c 4096 /dev/zero > "$D/filler" || true;'),
          1,
          full,
        );
      }
    });

    test('a disk that fills up while the hub runs: pairing fails, the hub goes on', async () => {
      const script = `
        "$NODE" "$BIN" hub --data-dir "$D" ${ANY.join(' ')} --ready-file "$D.ready" 2>"$D.log" &
        HUB=$!
        until [ -s "$D.ready" ]; do sleep 0.05; done
        head -c 100000000 /dev/zero > "$D/filler" 2>/dev/null
        I=0; while [ $I -lt 40 ] && "$NODE" "$BIN" pair --json --name "$I$I$I$I$I$I$I$I" --data-dir "$D" >/dev/null 2>"$D.err"; do I=$((I+1)); done
        rm "$D/filler"
        "$NODE" "$BIN" pair --json --data-dir "$D" 2>/dev/null
        kill $HUB; wait $HUB; CODE=$?
        cat "$D.err" >&2
        rm -f "$D.ready" "$D.log" "$D.err"
        exit $CODE`;
      const finished = await inMount('size=512k', script);
      expect(finished.code).toBe(0);
      expect(JSON.parse(finished.stdout).link).toMatch(/^restunnel:/);
      expect(finished.stderr).toMatch(/^restunnel: cannot use the store [^\n]+\n$/);
    });
  });
});

/** A command with its data directory on a tmpfs that no other process sees. */
function mounted(options: string, command: string, before = ''): Promise<Finished> {
  const args = command === 'hub' || command === 'quickstart' ? ANY.join(' ') : '';
  return inMount(options, `${before} "$NODE" "$BIN" ${command} ${args} --data-dir "$D"`);
}

function inMount(options: string, script: string): Promise<Finished> {
  const whole = `mount -t tmpfs -o mode=700,${options} restunnel "$D" || exit 99\n${script}`;
  const env = { ...process.env, NODE_OPTIONS: '', D: dataDir, NODE: process.execPath, BIN };
  return new Promise((resolve) => {
    const child = execFile('unshare', ['-m', 'sh', '-c', whole], { env }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr });
    });
  });
}

describe('ports', () => {
  test.each(['tunnel', 'socks', 'http', 'dashboard'])('the %s port in use', async (name) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const finished = await hub(`--${name}`, `127.0.0.1:${port}`);
    expectSentence(
      finished,
      1,
      new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use.*choose another with --${name}`),
    );
    await new Promise((resolve) => server.close(resolve));
    expect(existsSync(join(dataDir, 'hub.sock'))).toBe(false);
  });

  test('an address that this machine does not have', async () => {
    expectSentence(await hub('--tunnel', '192.0.2.1:0'), 1, /192\.0\.2\.1 is not an address of this machine/);
  });

  test.each(['socks', 'http'])(
    'the %s port binds loopback only as long as there are no users',
    async (name) => {
      const sentence = `--${name} binds 0\\.0\\.0\\.0, which others can reach, .* restunnel users add NAME`;
      expectSentence(await hub(`--${name}`, '0.0.0.0:0'), 2, new RegExp(sentence));
    },
  );

  test('the dashboard binds loopback only as long as it has no password', async () => {
    expectSentence(await hub('--dashboard', '0.0.0.0:0'), 2, /--dashboard may only bind a loopback address/);
  });
});

describe('two of a kind', () => {
  test('a second hub in one data directory is refused, the first goes on', async () => {
    const first = await startHub({ dataDir });
    expectSentence(await hub(), 1, /another hub runs in /);
    expect((await makeLink(first)).link).toMatch(/^restunnel:/);
    await first.kill();
    const second = await startHub({ dataDir });
    expect(second.ready.publicKey).toBe(first.ready.publicKey);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
  });

  test('a second node in one data directory is refused, the first goes on', async () => {
    const running = await startHub();
    const first = await pairNode(running);
    const second = await runBin(['node', '--data-dir', first.dataDir], dataDir);
    expectSentence(second, 1, /another node runs in /);
    await first.kill();
    const third = await startNode({ dataDir: first.dataDir });
    expect(third.ready.nodeId).toBe(first.ready.nodeId);
    expect(await third.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('links', () => {
  test.each([
    ['nonsense', /this is not a pairing link/],
    ['http://example.com/', /it must begin with restunnel:/],
    ['restunnel://127.0.0.1:1/?k=AAAA&t=AAAA', /\(k=\) is damaged/],
    ['restunnel://127.0.0.1/?k=A&t=A', /it has no port/],
  ])('%s', async (link, sentence) => {
    const finished = await node('--pair', link);
    expectSentence(finished, 2, sentence);
    expect(existsSync(join(dataDir, 'node_key.bin'))).toBe(false);
  });

  test('none at all', async () => {
    expectSentence(await node(), 1, /not paired with any hub; on the server run `restunnel pair`/);
  });

  test('one to a hub that is gone: the node says so and keeps trying', async () => {
    const gone = await startHub();
    const { link } = await makeLink(gone);
    await gone.stop();
    const waiting = launchNode({ links: [link] });
    const { level, msg, retryInMs } = await waiting.waitForLog((line) => line.level >= 40);
    expect({ level, msg }).toEqual({ level: 40, msg: 'cannot connect to the hub (ECONNREFUSED)' });
    expect(retryInMs).toBeTypeOf('number');
    expect(await waiting.stop()).toEqual({ code: 0, signal: null });
    expect(statSync(join(waiting.dataDir, 'node.json')).mode & 0o777).toBe(0o600);
  });
});

describe('flags', () => {
  test.each([
    [['hub', '--wrong'], /unknown option '--wrong'/],
    [['hub', '--tunnel', 'here'], /--tunnel: "here" is not an address/],
    [['hub', '--public-host', 'a b'], /--public-host: "a b" is not a host name/],
    [['pair', '--ttl', 'soon'], /--ttl: "soon" is not a duration/],
    [['node', '--allow-target', 'everything'], /everything/],
    [['nodez'], /unknown command 'nodez'/],
  ] as const)('%j', async (args, sentence) => {
    expectSentence(await runBin(args, dataDir), 2, sentence);
  });

  test('a ready file that cannot be written', async () => {
    const path = join(dataDir, 'no', 'ready');
    expectSentence(await hub('--ready-file', path), 1, /--ready-file: cannot write .*: no such directory/);
  });
});

test('nothing that failed to start is left running', () => {
  const processes = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  expect(processes.split('\n').filter((line) => line.includes(dataDir))).toEqual([]);
});
