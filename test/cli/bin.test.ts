import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BIN, CHECKOUT, type Finished, olderNode, type RunOptions, runBin } from './runBin.ts';

const VERSION = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')).version;

function run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return runBin(args, join(folder, 'data'), options);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-bin-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.concurrent('wrong usage is one line on stderr and exit code 2', () => {
  test.for([
    ['hub --socks 1080', /^restunnel: --socks: "1080" is not an address/],
    ['quickstart --dashboard 192.0.2.1:80', /^restunnel: --dashboard may only bind a loopback address/],
    ['hub --tunnel 0.0.0.0:90000', /^restunnel: --tunnel: port 90000 is larger than 65535/],
    ['hub --workers 65', /^restunnel: --workers: "65" is not a whole number from 0 to 64/],
    ['hub --workers many', /^restunnel: --workers: "many" is not a whole number/],
    ['hub --io uring', /^restunnel: --io: "uring" is not one of/],
    ['hub --log-level loud', /^restunnel: --log-level: "loud" is not one of/],
    ['hub --dashboard-host a:9000', /^restunnel: --dashboard-host: "a:9000" is not a host name/],
    ['hub --public-host a:90000', /^restunnel: --public-host: port 90000 is not from 1 to 65535/],
    ['hub --data-dir=', /^restunnel: --data-dir: the path is empty/],
    ['hub --sock :1080', /^restunnel: unknown option '--sock' \(Did you mean --socks\?\)/],
    ['hub extra', /^restunnel: too many arguments/],
    ['pair --ttl 10', /^restunnel: --ttl: "10" is not a duration/],
    ['pair --ttl 0s', /^restunnel: --ttl: 0s is not between 1s and 30d/],
    ['pair --name', /^restunnel: option '--name <name>' argument missing/],
    ['node --lanes 0', /^restunnel: --lanes: "0" is not a whole number from 1 to 16/],
    ['node --lanes 17', /^restunnel: --lanes: "17" is not a whole number from 1 to 16/],
    ['node --pair http://example.org/', /^restunnel: .*link/],
    ['node --allow-target 10.0.0.0/33', /^restunnel: --allow-target "10.0.0.0\/33"/],
    ['quickstart --allow-target nonsense', /^restunnel: --allow-target "nonsense"/],
    ['nodes rename one', /^restunnel: missing required argument 'name'/],
    ['nodes revoke', /^restunnel: missing required argument 'node'/],
    ['serve', /^restunnel: unknown command 'serve'/],
    ['--frobnicate', /^restunnel: unknown option '--frobnicate'/],
  ] as const)('%s', async ([args, sentence]) => {
    const { code, stdout, stderr } = await run(args.split(' '));
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

test('without a command: the help on stderr, exit code 2', async () => {
  const { code, stdout, stderr } = await run([]);
  expect(stderr).toContain('Usage: restunnel <command>');
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

test('help names every command, an example and the exit codes; each command names its defaults', async () => {
  const { code, stdout, stderr } = await run(['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const command of ['quickstart', 'hub', 'pair', 'node', 'nodes', 'status', 'events', 'users']) {
    expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  }
  expect(stdout).toContain('curl -x socks5h://127.0.0.1:1080 http://example.com');
  expect(stdout).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage.');

  const hub = (await run(['hub', '--help'])).stdout;
  for (const value of [
    '0.0.0.0:9000',
    '127.0.0.1:1080',
    '127.0.0.1:1081',
    '127.0.0.1:8080',
    '$RESTUNNEL_DATA_DIR or',
  ]) {
    expect(hub).toContain(`default: ${value}`);
  }
  expect((await run(['help', 'quickstart'])).stdout).toContain('default: 127.0.0.1:9000');
  expect((await run(['pair', '-h'])).stdout).toContain('default: 10m');
});

test('version', async () => {
  expect(await run(['--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
});

test('a data directory that cannot be used is a sentence and exit code 1, for every command', async () => {
  const file = join(folder, 'a-file');
  writeFileSync(file, '');
  for (const command of ['hub', 'node', 'pair', 'quickstart']) {
    const { code, stderr } = await run([command, '--data-dir', join(file, 'inside')]);
    expect(stderr).toMatch(/^restunnel: cannot use .* as the data directory: a file is in the way\n$/);
    expect(code).toBe(1);
  }
});

test('a ready file that cannot be written fails before anything is started', async () => {
  const path = join(folder, 'absent', 'ready.json');
  for (const command of ['hub', 'node']) {
    const { code, stderr } = await run([command, '--ready-file', path]);
    expect(stderr).toBe(`restunnel: --ready-file: cannot write ${path}: no such directory\n`);
    expect(code).toBe(1);
  }
});

const older = olderNode();
describe.skipIf(older === null)('started by an older Node', () => {
  test('output, arguments and exit codes pass through the launcher', async () => {
    expect(await run(['--version'], { program: older! })).toMatchObject({
      code: 0,
      stdout: `${VERSION}\n`,
      stderr: '',
    });
    const refused = await run(['pair', '--ttl', 'a b'], { program: older! });
    expect(refused.stderr).toBe('restunnel: --ttl: "a b" is not a duration such as 90s, 10m, 2h or 1d\n');
    expect(refused.code).toBe(2);
  });

  test('installed as a package beside its hoisted runtime, it runs what is compiled', async () => {
    const bin = installed('hoisted');
    giveRuntime('hoisted');
    const { code, stdout, stderr } = await run(['a', 'b c'], { program: older!, bin });
    expect({ code, stderr }).toEqual({ code: 7, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ version: process.version, args: ['a', 'b c'] });
  });

  test('a signal that ends the command ends the launcher in the same way', async () => {
    const bin = installed('signalled', 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000);');
    giveRuntime('signalled');
    const { code, signal } = await run([], { program: older!, bin });
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('without its runtime, one sentence and exit code 1', async () => {
    const { code, stdout, stderr } = await run(['--version'], { program: older!, bin: installed('bare') });
    expect(stderr).toMatch(/^restunnel: needs Node 24 or newer and this is v[^\n]+\n$/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  test.each([
    [
      'that lacks a library',
      '#!/bin/sh\necho "node: libatomic.so.1: cannot open shared object file" >&2\nexit 127\n',
    ],
    ['for another machine', 'no program'],
  ])('with a runtime %s, one sentence of ours and exit code 1', async (name, program) => {
    const bin = installed(name);
    const runtime = join(folder, name, 'node_modules', RUNTIME);
    mkdirSync(join(runtime, 'bin'), { recursive: true });
    writeFileSync(join(runtime, 'package.json'), '{}');
    writeFileSync(join(runtime, 'bin', 'node'), program, { mode: 0o755 });
    const { code, stdout, stderr } = await run(['--version'], { program: older!, bin });
    expect(stderr).toMatch(/^restunnel: this machine cannot run [^\n]+; install Node 24 or newer [^\n]+\n$/m);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});

/** The package of this platform's Node. */
const RUNTIME = readdirSync(join(CHECKOUT, 'node_modules')).find((name) =>
  /^node-(?:bin-)?(?:linux|darwin|win)-/.test(name),
)!;

/** Installs it beside the package that installed() made. */
function giveRuntime(name: string): void {
  symlinkSync(join(CHECKOUT, 'node_modules', RUNTIME), join(folder, name, 'node_modules', RUNTIME));
}

/** A package as npm would install it, with a stand-in for the compiled program. Returns the path of its bin. */
function installed(name: string, program?: string): string {
  const root = join(folder, name, 'node_modules', 'restunnel');
  for (const part of ['bin', 'dist/src/cli']) mkdirSync(join(root, part), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  for (const file of ['restunnel.js', 'program.js', 'runtime.js'])
    copyFileSync(join(dirname(BIN), file), join(root, 'bin', file));
  const report = 'console.log(JSON.stringify({ version: process.version, args: process.argv.slice(2) }));';
  writeFileSync(join(root, 'dist', 'src', 'cli', 'main.js'), program ?? `${report} process.exitCode = 7;`);
  return join(root, 'bin', 'restunnel.js');
}
