// The service managers: which files a service is made of, and the commands that install, start, show and remove it. Pure: commands/service.ts
// writes and runs what this says.

import { posix, win32 } from 'node:path';
import { ADMINISTRATORS, LOCAL_SERVICE } from '../../base/accessList.ts';
import { UserError } from '../../base/userError.ts';
import { launchdLabel, renderPlist } from './launchdPlist.ts';
import { renderTask, taskName } from './scheduledTask.ts';
import { type Role, SERVICE_USER, type Service } from './service.ts';
import { renderUnit, unitName } from './systemdUnit.ts';

export type CommandLine = readonly [program: string, ...words: string[]];

/** Where things are on this machine. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Manager {
  readonly name: string;
  /** The service's definition, by which it is known to be installed. */
  file(role: Role): string;
  dataDir(role: Role): string;
  /** Null: the manager keeps the log itself. */
  logFile(role: Role): string | null;
  /** As the file's encoding wants it. */
  render(service: Service): { readonly text: string; readonly encoding: 'utf8' | 'utf16le' };
  /** Before the file is written. */
  prepare(service: Service): readonly CommandLine[];
  /** After it is written: makes it start now and at boot. */
  start(role: Role): readonly CommandLine[];
  /** Whether halt() ends it on the spot, its streams with it. */
  readonly isAbrupt: boolean;
  /** Ends it until start(). */
  halt(role: Role): readonly CommandLine[];
  /** Succeeds while it has not ended, where halt() does not wait for that. Null: it does. */
  lingers(role: Role): CommandLine | null;
  /** After halt(), before it is deleted. */
  remove(role: Role): readonly CommandLine[];
  /** After it is deleted. */
  forget(): readonly CommandLine[];
  status(role: Role): CommandLine;
  logs(role: Role, follow: boolean): CommandLine;
}

/** Throws UserError where there is no manager that we know. */
export function managerOf(machine: Machine, isSystem: boolean): Manager {
  if (machine.platform === 'linux') return systemd(machine, isSystem);
  if (machine.platform === 'darwin') return launchd(machine, isSystem);
  if (machine.platform === 'win32') return taskScheduler(machine, isSystem);
  throw new UserError(
    `service knows systemd, launchd and Windows' Task Scheduler, not the manager of ${machine.platform}`,
  );
}

function systemd({ home, env }: Machine, isSystem: boolean): Manager {
  const configDir = env.XDG_CONFIG_HOME || posix.join(home, '.config');
  const folder = isSystem ? '/etc/systemd/system' : posix.join(configDir, 'systemd', 'user');
  const scope = isSystem ? [] : ['--user'];
  const systemctl = (...words: string[]): CommandLine => ['systemctl', ...scope, ...words];
  return {
    name: 'systemd',
    file: (role) => posix.join(folder, `${unitName(role)}.service`),
    dataDir: (role) =>
      isSystem ? `/var/lib/restunnel${role === 'node' ? '-node' : ''}` : posix.join(home, '.restunnel'),
    logFile: () => null,
    render: (service) => ({
      text: renderUnit(service, {
        head: '# Written by: restunnel service install. Removed by: restunnel service uninstall.',
      }),
      encoding: 'utf8',
    }),
    prepare: () => [],
    start: (role) => [
      systemctl('daemon-reload'),
      systemctl('enable', unitName(role)),
      systemctl('restart', unitName(role)),
    ],
    isAbrupt: false,
    halt: (role) => [systemctl('stop', unitName(role))],
    lingers: () => null,
    remove: (role) => [systemctl('disable', unitName(role))],
    forget: () => [systemctl('daemon-reload')],
    status: (role) => systemctl('status', '--no-pager', unitName(role)),
    logs: (role, follow) => [
      'journalctl',
      ...scope,
      '--unit',
      unitName(role),
      ...(follow ? ['--follow'] : ['--no-pager']),
    ],
  };
}

function launchd({ home, uid }: Machine, isSystem: boolean): Manager {
  const library = isSystem ? '/Library' : posix.join(home, 'Library');
  const domain = isSystem ? 'system' : `gui/${uid}`;
  const file = (role: Role) =>
    posix.join(library, isSystem ? 'LaunchDaemons' : 'LaunchAgents', `${launchdLabel(role)}.plist`);
  const logFile = (role: Role) => posix.join(library, 'Logs', `restunnel-${role}.log`);
  const target = (role: Role) => `${domain}/${launchdLabel(role)}`;
  return {
    name: 'launchd',
    file,
    dataDir: (role) =>
      isSystem ? `/Library/Application Support/restunnel-${role}` : posix.join(home, '.restunnel'),
    logFile,
    render: (service) => ({ text: renderPlist(service, logFile(service.role)), encoding: 'utf8' }),
    prepare: () => [],
    start: (role) => [
      ['launchctl', 'bootstrap', domain, file(role)],
      ['launchctl', 'kickstart', target(role)],
    ],
    isAbrupt: false,
    // It answers before the program has ended, and takes no other definition until then.
    halt: (role) => [['launchctl', 'bootout', target(role)]],
    lingers: (role) => ['launchctl', 'print', target(role)],
    remove: () => [],
    forget: () => [],
    status: (role) => ['launchctl', 'print', target(role)],
    logs: (role, follow) => ['tail', ...(follow ? ['-f'] : ['-n', '200']), logFile(role)],
  };
}

function taskScheduler({ home, env }: Machine, isSystem: boolean): Manager {
  const base = isSystem
    ? win32.join(env.ProgramData ?? 'C:\\ProgramData', 'restunnel')
    : win32.join(env.LOCALAPPDATA ?? win32.join(home, 'AppData', 'Local'), 'restunnel');
  const file = (role: Role) => win32.join(base, `${role}.xml`);
  const dataDir = (role: Role) => (isSystem ? win32.join(base, role) : win32.join(home, '.restunnel'));
  const logFile = (role: Role) => win32.join(base, `${role}.log`);
  const task = (...words: string[]): CommandLine => ['schtasks', ...words];
  return {
    name: 'Task Scheduler',
    file,
    dataDir,
    logFile,
    render: (service) => ({ text: renderTask(service, logFile(service.role)), encoding: 'utf16le' }),
    // Below ProgramData everybody may read; the log and keys are the service's and the administrators' alone. The data directory can be
    // elsewhere, and is its maker's until then; /T is for what lies in it already.
    prepare: ({ dataDir: data }) =>
      isSystem
        ? [
            [
              'icacls',
              base,
              '/inheritance:r',
              '/grant',
              everything(LOCAL_SERVICE),
              everything(ADMINISTRATORS),
            ],
            ['icacls', data, '/grant', everything(LOCAL_SERVICE), '/T'],
          ]
        : [],
    start: (role) => [
      task('/Create', '/F', '/TN', taskName(role), '/XML', file(role)),
      task('/Run', '/TN', taskName(role)),
    ],
    isAbrupt: true,
    halt: (role) => [task('/End', '/TN', taskName(role))],
    lingers: () => null,
    remove: (role) => [task('/Delete', '/F', '/TN', taskName(role))],
    forget: () => [],
    status: (role) => task('/Query', '/V', '/FO', 'LIST', '/TN', taskName(role)),
    logs: (role, follow) => [
      'powershell',
      '-NoProfile',
      '-Command',
      `Get-Content -LiteralPath '${logFile(role).replaceAll("'", "''")}' -Tail 200${follow ? ' -Wait' : ''}`,
    ],
  };
}

/** As icacls takes it: the account may do everything, also in what is made below. */
function everything(sid: string): string {
  return `*${sid}:(OI)(CI)F`;
}

/** What makes the machine's user for services, where it does not exist yet. */
export function makeUser(platform: NodeJS.Platform): CommandLine | null {
  if (platform !== 'linux') return null;
  return [
    'useradd',
    '--system',
    '--user-group',
    '--home-dir',
    '/var/lib/restunnel',
    '--shell',
    '/usr/sbin/nologin',
    SERVICE_USER,
  ];
}
