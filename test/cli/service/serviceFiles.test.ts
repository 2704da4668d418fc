// The files of services: what systemd, launchd and the Task Scheduler read, judged by other readers where there are some.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { renderPlist } from '../../../src/cli/service/launchdPlist.ts';
import { dataDirOfTask, renderTask } from '../../../src/cli/service/scheduledTask.ts';
import { commandLine, ROLES, type Role, type Service } from '../../../src/cli/service/service.ts';
import { renderUnit } from '../../../src/cli/service/systemdUnit.ts';
import { isWindows } from '../../windows.ts';
import { CHECKOUT } from '../runBin.ts';

const SIGNS: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
const AWKWARD = ['--on-rotate', 'sh -c "echo $HOME 100%" && b\\c <&>', "it's", 'a\\'];

function service(change: Partial<Service> = {}): Service {
  return {
    role: 'hub',
    isSystem: true,
    program: ['/opt/restunnel/node_modules/.bin/node', '/opt/restunnel/bin/restunnel.js'],
    options: [],
    dataDir: '/var/lib/restunnel',
    ...change,
  };
}

describe('systemd', () => {
  const SHIPPED: Record<Role, Partial<Service>> = {
    hub: { options: ['--public-host', 'hub.example.org'] },
    node: { role: 'node', dataDir: '/var/lib/restunnel-node' },
  };

  test.each(ROLES)('the %s unit in scripts/systemd is what it renders', (role) => {
    const shipped = readFileSync(join(CHECKOUT, 'scripts', 'systemd', `restunnel-${role}.service`), 'utf8');
    const [head] = shipped.split('\n', 1);
    const before =
      "# node_modules/.bin/node is the Node that npm install brought; the system's own may be older.";
    expect(renderUnit(service(SHIPPED[role]), { head: head!, before })).toBe(shipped);
  });

  test('words reach the program as they are', () => {
    const unit = renderUnit(service({ options: AWKWARD }), { head: '#' });
    const words = /^ExecStart=(.*)$/m.exec(unit)![1]!;
    expect(unquoted(words)).toEqual(commandLine(service({ options: AWKWARD })));
  });

  test('a program in a home folder stays in sight, and other data folders writable', () => {
    const unit = renderUnit(service({ program: ['/home/me/restunnel'], dataDir: '/srv/hub data' }), {
      head: '#',
    });
    expect(unit).toContain('\nProtectHome=read-only\n');
    expect(unit).toContain('\nReadWritePaths="/srv/hub data"\n');
    expect(unit).toContain('\nCacheDirectory=restunnel\n');
    expect(unit).not.toContain('StateDirectory');
  });

  test("a user's unit asks for nothing that a user's manager cannot give", () => {
    const unit = renderUnit(service({ isSystem: false }), { head: '#' });
    for (const name of ['User', 'CapabilityBoundingSet', 'PrivateDevices', 'LimitNOFILE', 'ProtectSystem']) {
      expect(unit).not.toContain(`\n${name}=`);
    }
    expect(unit).toContain('\nWantedBy=default.target\n');
  });
});

// Read by Python, which Windows does not bring.
test.skipIf(isWindows)('launchd: a property list with the words as they are', () => {
  const text = renderPlist(service({ options: AWKWARD }), '/Library/Logs/r&d.log');
  const plist = python(
    'import json,plistlib,sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))',
    text,
  );
  expect(JSON.parse(plist)).toMatchObject({
    Label: 'io.restunnel.hub',
    ProgramArguments: commandLine(service({ options: AWKWARD })),
    KeepAlive: true,
    StandardErrorPath: '/Library/Logs/r&d.log',
  });
});

test.skipIf(isWindows).each([
  [true, 'BootTrigger'],
  [false, 'LogonTrigger'],
])('Task Scheduler: XML with one trigger and a log (of the machine: %s)', (isSystem, trigger) => {
  const text = renderTask(
    service({ isSystem, program: ['C:\\Program Files\\restunnel.exe'] }),
    'C:\\logs\\hub.log',
  );
  const folder = mkdtempSync(join(tmpdir(), 'restunnel-task-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'hub.xml');
  writeFileSync(file, text, 'utf16le');
  const read =
    "import sys,xml.etree.ElementTree as e\nt=e.parse(sys.argv[1]).getroot()\nn='{http://schemas.microsoft.com/windows/2004/02/mit/task}'\n" +
    "print([c.tag[len(n):] for c in t.find(n+'Triggers')], t.find('.//'+n+'Arguments').text)";
  expect(python(read, '', file).trim()).toBe(
    `['${trigger}'] /d /s /c ""C:\\Program Files\\restunnel.exe" hub --data-dir /var/lib/restunnel >> C:\\logs\\hub.log 2>&1"`,
  );
});

// Its cmd reads them.
test.skipIf(!isWindows)('words reach the program of a task as they are, and what it says the log', () => {
  const folder = mkdtempSync(join(tmpdir(), 'restunnel task (1)-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = join(folder, 'words.cjs');
  writeFileSync(script, 'console.log(JSON.stringify(process.argv.slice(2)))');
  const log = join(folder, 'hub.log');
  const options = [...AWKWARD, '%PATH%', '!x! ^y (z)', '', 'C:\\a b\\'];
  const text = renderTask(service({ program: [process.execPath, script], options }), log);
  const line = /<Arguments>([^<]*)</
    .exec(text)![1]!
    .replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => SIGNS[name]!);
  const { status } = spawnSync('cmd.exe', [line], { windowsVerbatimArguments: true });
  expect(status).toBe(0);
  expect(JSON.parse(readFileSync(log, 'utf8'))).toEqual(commandLine(service({ program: [], options })));
});

test('a task says where its data is, for who stops it', () => {
  const dataDir = 'C:\\Users\\A & B <"c">\\.restunnel';
  expect(dataDirOfTask(renderTask(service({ dataDir }), 'C:\\hub.log'))).toBe(dataDir);
  expect(dataDirOfTask('<Task/>')).toBe(null);
});

/** As systemd.service says that it reads a command line. */
function unquoted(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, inQuotes, bare]) =>
    (inQuotes?.replace(/\\(.)/g, '$1') ?? bare!).replaceAll('$$', '$').replaceAll('%%', '%'),
  );
}

function python(script: string, input: string, ...args: string[]): string {
  return execFileSync('/usr/bin/python3', ['-c', script, ...args], { input, encoding: 'utf8' });
}
