// `restunnel service`: the words of the role, and what each manager is asked to do.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { buildProgram } from '../../../src/cli/program/buildProgram.ts';
import { type Machine, managerOf } from '../../../src/cli/service/manager.ts';
import type { Role } from '../../../src/cli/service/service.ts';
import { splitOptions, withKeyStore } from '../../../src/cli/service/serviceOptions.ts';
import { isWindows } from '../../windows.ts';
import { runBin } from '../runBin.ts';

const LINK = `restunnel://hub.example:9000/?k=${'A'.repeat(43)}&t=${'A'.repeat(43)}`;

function split(role: Role, ...words: string[]) {
  const program = buildProgram({ starting: () => {}, ended: () => {} });
  return splitOptions(program.commands.find((each) => each.name() === role)!, words);
}

describe('the words of the role', () => {
  test('paths become absolute; the link and the data directory are taken out', () => {
    expect(
      split('node', '--pair', LINK, '--name=a b', `--pair=${LINK}`, '--data-dir', 'd', '--lanes', '2'),
    ).toEqual({
      options: ['--name', 'a b', '--lanes', '2'],
      dataDir: resolve('d'),
      links: [LINK, LINK],
      name: 'a b',
    });
    expect(split('hub', '--rules', 'r.yaml', '--persist-sessions').options).toEqual([
      '--rules',
      resolve('r.yaml'),
      '--persist-sessions',
    ]);
  });

  test.each([
    ['an unknown option', ['--publc-host', 'x'], 'restunnel hub knows no "--publc-host"'],
    ['a stray word', ['x'], 'restunnel hub knows no "x"'],
    ['a bad value', ['--workers', '1000'], '--workers: "1000" is not a whole number from 0 to 64'],
    ['a ready file', ['--ready-file', 'x'], '--ready-file is not for services'],
  ])('%s is refused before anything is written', (_, words, sentence) => {
    expect(() => split('hub', ...words)).toThrow(sentence);
  });

  test('no password gets into the definition, and nothing comes from standard input', () => {
    const via = (value: string) => () => split('node', '--pair', LINK, `--via=${value}`);
    expect(via('http://me:s3cret@proxy:3128')).toThrow(/^--via: everybody .* by --via-file$/);
    expect(via('-')).toThrow(/^--via -: a service has no standard input/);
    expect(via('http://proxy:3128')().options).toEqual(['--via', 'http://proxy:3128']);
    expect(split('node', '--via-file', 'v').options).toEqual(['--via-file', resolve('v')]);
  });

  test('links from standard input are refused', () => {
    expect(() => split('node', '--pair', '-')).toThrow('give the link itself');
  });
});

test("a new key of the machine's service is a file where the platform would keep it for whoever logs in", () => {
  const chosen = ['--lanes', '2'];
  expect(withKeyStore(chosen, 'darwin', true)).toEqual([...chosen, '--key-store', 'file']);
  expect(withKeyStore(chosen, 'win32', true)).toEqual([...chosen, '--key-store', 'file']);
  expect(withKeyStore(chosen, 'win32', false)).toEqual(chosen);
  expect(withKeyStore(chosen, 'linux', true)).toEqual(chosen);
  expect(withKeyStore(['--key-store', 'keychain'], 'darwin', true)).toEqual(['--key-store', 'keychain']);
});

describe('managers', () => {
  const machine = (platform: NodeJS.Platform): Machine => ({
    platform,
    home: '/home/me',
    uid: 1000,
    env: {},
  });

  test('systemd', () => {
    const own = managerOf(machine('linux'), false);
    expect(own.file('node')).toBe('/home/me/.config/systemd/user/restunnel-node.service');
    expect(own.start('node')).toEqual([
      ['systemctl', '--user', 'daemon-reload'],
      ['systemctl', '--user', 'enable', 'restunnel-node'],
      ['systemctl', '--user', 'restart', 'restunnel-node'],
    ]);
    const system = managerOf(machine('linux'), true);
    expect(system.file('hub')).toBe('/etc/systemd/system/restunnel-hub.service');
    expect(system.dataDir('node')).toBe('/var/lib/restunnel-node');
    expect(system.logs('hub', true)).toEqual(['journalctl', '--unit', 'restunnel-hub', '--follow']);
  });

  test('launchd', () => {
    const own = managerOf({ ...machine('darwin'), home: '/Users/me', uid: 501 }, false);
    expect(own.file('hub')).toBe('/Users/me/Library/LaunchAgents/io.restunnel.hub.plist');
    expect(own.start('hub')[0]).toEqual(['launchctl', 'bootstrap', 'gui/501', own.file('hub')]);
    expect(own.halt('hub')).toEqual([['launchctl', 'bootout', 'gui/501/io.restunnel.hub']]);
    expect(own.lingers('hub')).toEqual(['launchctl', 'print', 'gui/501/io.restunnel.hub']);
  });

  test('Task Scheduler', () => {
    const own = managerOf({ ...machine('win32'), home: 'C:\\Users\\me' }, false);
    expect(own.file('hub')).toBe('C:\\Users\\me\\AppData\\Local\\restunnel\\hub.xml');
    expect(own.start('hub')).toEqual([
      ['schtasks', '/Create', '/F', '/TN', 'Restunnel hub', '/XML', own.file('hub')],
      ['schtasks', '/Run', '/TN', 'Restunnel hub'],
    ]);
    const system = managerOf({ ...machine('win32'), env: { ProgramData: 'D:\\PD' } }, true);
    expect(system.dataDir('node')).toBe('D:\\PD\\restunnel\\node');
    const service = {
      role: 'node',
      isSystem: true,
      program: ['r.exe'],
      options: [],
      dataDir: 'E:\\data',
    } as const;
    expect(system.prepare(service)).toEqual([
      [
        'icacls',
        'D:\\PD\\restunnel',
        '/inheritance:r',
        '/grant',
        '*S-1-5-19:(OI)(CI)F',
        '*S-1-5-32-544:(OI)(CI)F',
      ],
      ['icacls', 'E:\\data', '/grant', '*S-1-5-19:(OI)(CI)F', '/T'],
    ]);
    expect(own.prepare(service)).toEqual([]);
  });

  test('elsewhere there is a sentence', () => {
    expect(() => managerOf(machine('freebsd'), true)).toThrow('not the manager of freebsd');
  });
});

/** Runs `restunnel service` as on another platform; programs in `home` stand for the system's. */
function runFaked(platform: NodeJS.Platform, home: string, words: readonly string[]) {
  const script = join(import.meta.dirname, 'onPlatform.ts');
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: '', PATH: `${home}:${process.env.PATH}` };
  return spawnSync(process.execPath, [script, platform, 'service', ...words], { encoding: 'utf8', env });
}

function homeWith(program: string, script: string): string {
  const home = mkdtempSync(join(tmpdir(), 'restunnel-service-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  writeFileSync(join(home, program), `#!/bin/sh\ncd "$(dirname "$0")"\n${script}`, { mode: 0o755 });
  return home;
}

const linesOf = (home: string, file: string) => readFileSync(join(home, file), 'utf8').trim().split('\n');

// As launchctl does: a definition that is there is not replaced, and one that was booted out is there until its program has ended.
const LAUNCHCTL = `
echo "$1" >>calls
case "$1" in
  print)
    [ -e loaded ] || exit 113
    if [ -e leaving ]; then
      echo >>looks
      [ "$(wc -l <looks)" -lt 3 ] || rm loaded leaving looks
    fi ;;
  bootout) touch leaving; echo 'Boot-out failed: 36: Operation now in progress' >&2; exit 36 ;;
  bootstrap)
    [ ! -e loaded ] || { echo 'Bootstrap failed: 5: Input/output error' >&2; exit 5; }
    [ -e "$3" ] || { echo 'Bootstrap failed: 2: No such file or directory' >&2; exit 2; }
    touch loaded ;;
esac
`;

test.skipIf(isWindows)('launchd: installed again with other options, and uninstalled', () => {
  const home = homeWith('launchctl', LAUNCHCTL);
  const plist = join(home, 'Library', 'LaunchAgents', 'io.restunnel.hub.plist');
  const install = (...words: string[]) => {
    const { status, stderr } = runFaked('darwin', home, ['install', '--user', 'hub', ...words]);
    expect([status, stderr]).toEqual([0, '']);
  };
  install();
  install('--public-host', 'hub.example.org');
  expect(readFileSync(plist, 'utf8')).toContain('<string>hub.example.org</string>');
  expect(linesOf(home, 'calls')).toEqual(
    'bootstrap kickstart print bootout print print print print bootstrap kickstart'.split(' '),
  );
  const { status, stderr } = runFaked('darwin', home, ['uninstall', '--user']);
  expect([status, stderr, existsSync(plist), existsSync(join(home, 'loaded'))]).toEqual([
    0,
    '',
    false,
    false,
  ]);
});

const SYSTEMCTL = 'echo "$2" >>calls\n';

test.skipIf(isWindows)('systemd: a node that runs is stopped before it is paired again', () => {
  const home = homeWith('systemctl', SYSTEMCTL);
  const install = (...words: string[]) => runFaked('linux', home, ['install', '--user', 'node', ...words]);
  expect(install('--pair', LINK).status).toBe(0);
  const again = install('--lanes', '2');
  expect([again.status, again.stderr]).toEqual([0, '']);
  expect(linesOf(home, 'calls').slice(3)).toEqual(['stop', 'daemon-reload', 'enable', 'restart']);

  writeFileSync(join(home, '.restunnel', 'node.json'), 'damaged');
  const failed = install('--pair', LINK);
  expect(failed.status).toBe(1);
  expect(failed.stderr).toContain('node.json is damaged');
  expect(linesOf(home, 'calls').at(-1)).toBe('restart');
});

test.skipIf(isWindows)('systemd: a service whose new definition cannot be written runs on', () => {
  const home = homeWith('systemctl', SYSTEMCTL);
  mkdirSync(join(home, '.config', 'systemd', 'user', 'restunnel-hub.service'), { recursive: true });
  const { status, stderr } = runFaked('linux', home, ['install', '--user', 'hub']);
  expect(status).toBe(1);
  expect(stderr).toContain('cannot write ');
  expect(linesOf(home, 'calls')).toEqual(['stop', 'daemon-reload', 'enable', 'restart']);
});

// Windows prints a task.
test.skipIf(isWindows)('--dry-run prints the unit and writes nothing; the link is not in it', async () => {
  const words = ['service', 'install', '--user', '--dry-run', 'node', '--pair', LINK, '--name', 'x'];
  const { code, stdout } = await runBin(words, '/nowhere');
  expect(code).toBe(0);
  expect(stdout).toContain('restunnel-node.service:');
  expect(stdout).toMatch(/^ExecStart=.* node --data-dir \S+ --name x$/m);
  expect(stdout).not.toContain('AAAA');
});

test('a service that is not installed has a sentence', async () => {
  const { code, stderr } = await runBin(['service', 'status', '--user', 'hub'], '/nowhere');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^restunnel: no hub is installed as a service/);
});
