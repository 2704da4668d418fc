// `restunnel service`: lets the system's service manager run a hub or a node.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import { lockDataDir } from '../../base/dataDirLock.ts';
import { UserError } from '../../base/userError.ts';
import { prepareDataDir, reasonOf } from '../../boot/dataDir.ts';
import { SERVICE } from '../../limits/owner.ts';
import { parseLink } from '../../model/pairingLink.ts';
import { HubsFile } from '../../node/hubsFile.ts';
import { fitDeviceName } from '../../noise/payload.ts';
import { type CommandLine, type Machine, type Manager, makeUser, managerOf } from '../service/manager.ts';
import { dataDirOfTask } from '../service/scheduledTask.ts';
import { ROLES, type Role, SERVICE_USER, type Service } from '../service/service.ts';
import { splitOptions, withKeyStore } from '../service/serviceOptions.ts';
import { stopRunning } from './stop.ts';

export interface ServiceFlags {
  user?: boolean;
}

export interface InstallFlags extends ServiceFlags {
  dryRun?: boolean;
}

/**
 * @param command the role's own, which checks the words
 * @param words what follows the role on the command line
 */
export async function installService(
  role: Role,
  command: Command,
  words: readonly string[],
  flags: InstallFlags,
): Promise<void> {
  const { machine, isSystem, manager } = serviceManager(flags);
  const { options, dataDir, links, name } = splitOptions(command, words);
  const service: Service = {
    role,
    isSystem,
    program: program(),
    options: withKeyStore(options, machine.platform, isSystem),
    dataDir: dataDir ?? manager.dataDir(role),
  };
  const { text, encoding } = manager.render(service);
  if (flags.dryRun === true) {
    process.stdout.write(`${manager.file(role)}:\n\n${text.replace('\ufeff', '')}`);
    return;
  }
  const owner = isSystem ? serviceUser(machine) : null;
  prepareDataDir(service.dataDir);
  const isInstalled = existsSync(manager.file(role));
  if (isInstalled) await halt(manager, role);
  try {
    try {
      if (role === 'node') pair(service.dataDir, links, name);
    } finally {
      // Also what the first of two links wrote, when the second is wrong.
      if (owner !== null) giveAway(service.dataDir, owner);
    }
    makeFolderOf(manager.file(role));
    for (const line of manager.prepare(service)) run(line);
    write(manager.file(role), Buffer.from(text, encoding));
  } catch (error) {
    if (isInstalled) for (const line of manager.start(role)) tryRun(line);
    throw error;
  }
  const log = manager.logFile(role);
  if (log !== null) mkdirSync(dirname(log), { recursive: true });
  for (const line of manager.start(role)) run(line);
  process.stdout.write(`${installed(service, manager)}\n`);
}

export async function uninstallService(role: Role | undefined, flags: ServiceFlags): Promise<void> {
  const { manager } = serviceManager(flags);
  const chosen = installedRole(manager, role);
  await halt(manager, chosen);
  for (const line of manager.remove(chosen)) tryRun(line);
  rmSync(manager.file(chosen), { force: true });
  for (const line of manager.forget()) run(line);
  process.stdout.write(
    `the ${chosen} is stopped and starts no more; its data directory, with keys and state, stays\n`,
  );
}

/** Returns when it has ended. */
async function halt(manager: Manager, role: Role): Promise<void> {
  if (manager.isAbrupt) await drain(manager, role);
  const asks = manager.lingers(role);
  if (asks === null) {
    for (const line of manager.halt(role)) tryRun(line);
    return;
  }
  if (!succeeds(asks)) return;
  const untilMs = performance.now() + SERVICE.endMs;
  for (const line of manager.halt(role)) succeeds(line);
  while (succeeds(asks)) {
    if (performance.now() > untilMs)
      throw new UserError(`${manager.name} has not ended the ${role} within ${SERVICE.endMs / 1_000} s`);
    await setTimeout(SERVICE.endLookMs);
  }
}

/** As `restunnel stop`. What hangs is ended by its manager. */
async function drain(manager: Manager, role: Role): Promise<void> {
  const task = readFileSync(manager.file(role), 'utf16le');
  try {
    await stopRunning(dataDirOfTask(task) ?? manager.dataDir(role), role, 'drain');
  } catch (error) {
    process.stderr.write(`restunnel: ${(error as Error).message}\n`);
  }
}

/** The manager's own words and its exit code. */
export function showService(role: Role | undefined, flags: ServiceFlags): number {
  const { manager } = serviceManager(flags);
  return show(manager.status(installedRole(manager, role)));
}

export function showLogs(role: Role | undefined, flags: ServiceFlags & { follow?: boolean }): number {
  const { manager } = serviceManager(flags);
  return show(manager.logs(installedRole(manager, role), flags.follow === true));
}

function serviceManager(flags: ServiceFlags): { machine: Machine; isSystem: boolean; manager: Manager } {
  const machine: Machine = {
    platform: process.platform,
    home: homedir(),
    uid: process.getuid?.() ?? 0,
    env: process.env,
  };
  const isSystem = flags.user !== true;
  if (isSystem && machine.platform !== 'win32' && machine.uid !== 0) {
    throw new UserError(
      'a service of the whole machine needs root: use sudo, or --user for one of your own',
      2,
    );
  }
  return { machine, isSystem, manager: managerOf(machine, isSystem) };
}

/** How this program is started: by itself as the one file, else by this Node and the script. */
function program(): string[] {
  const sea = process.getBuiltinModule('node:sea');
  if (sea.isSea()) return [process.execPath];
  return [process.execPath, realpathSync(process.argv[1] ?? '')];
}

/** A node that knows no hub would only wait. */
function pair(dataDir: string, links: readonly string[], name: string | undefined): void {
  const lock = lockDataDir(dataDir, 'node');
  try {
    const file = new HubsFile(dataDir);
    for (const link of links) file.pair(parseLink(link), fitDeviceName(name ?? hostname()));
    if (file.hubs.length === 0)
      throw new UserError('this device is paired with no hub yet: add --pair LINK', 2);
  } finally {
    lock.release();
  }
}

/** Makes the user where there is none. Null where the manager has an account of its own. */
function serviceUser({ platform }: Machine): { uid: number; gid: number } | null {
  const making = makeUser(platform);
  if (making === null) return null;
  const id = (flag: string) =>
    Number(
      execFileSync('id', [flag, SERVICE_USER], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  try {
    id('-u');
  } catch {
    run(making);
  }
  return { uid: id('-u'), gid: id('-g') };
}

/** Links themselves, not what they lead to: the user that owns the directory may have put them there. */
function giveAway(dataDir: string, { uid, gid }: { uid: number; gid: number }): void {
  for (const path of [dataDir, ...readdirSync(dataDir).map((name) => join(dataDir, name))])
    lchownSync(path, uid, gid);
}

function makeFolderOf(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
  } catch (error) {
    throw new UserError(`cannot make ${dirname(file)}: ${reasonOf(error)}`);
  }
}

function write(file: string, content: Buffer): void {
  try {
    writeFileSync(file, content);
  } catch (error) {
    throw new UserError(`cannot write ${resolve(file)}: ${reasonOf(error)}`);
  }
}

function installedRole(manager: Manager, role: Role | undefined): Role {
  const found = ROLES.filter((each) => existsSync(manager.file(each)));
  if (role !== undefined && !found.includes(role)) {
    throw new UserError(`no ${role} is installed as a service (${manager.file(role)} is missing)`);
  }
  const [only, another] = role === undefined ? found : [role];
  if (only === undefined)
    throw new UserError('nothing is installed as a service; see: restunnel service install --help');
  if (another !== undefined) throw new UserError('hub and node are both installed: add hub or node', 2);
  return only;
}

function run([name, ...words]: CommandLine): void {
  const { status, error, stderr } = spawnSync(name, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (error !== undefined)
    throw new UserError(
      `cannot run ${name}: ${reasonOf(error) === 'no such directory' ? 'it is not installed' : reasonOf(error)}`,
    );
  if (status !== 0)
    throw new UserError(`${[name, ...words].join(' ')} failed: ${stderr.trim() || `exit code ${status}`}`);
}

function succeeds([name, ...words]: CommandLine): boolean {
  return spawnSync(name, words, { stdio: 'ignore' }).status === 0;
}

/** What is stopped already, or half installed, is removed all the same. */
function tryRun(line: CommandLine): void {
  try {
    run(line);
  } catch (error) {
    process.stderr.write(`restunnel: ${(error as Error).message}\n`);
  }
}

function show([name, ...words]: CommandLine): number {
  const { status, error } = spawnSync(name, words, { stdio: 'inherit' });
  if (error !== undefined) throw new UserError(`cannot run ${name}: it is not installed`);
  return status ?? 1;
}

function installed({ role, isSystem, dataDir }: Service, manager: Manager): string {
  const user = isSystem ? '' : ' --user';
  const lines = [
    `The ${role} runs, and starts with the ${isSystem ? 'machine' : 'session'}: ${manager.file(role)} (${manager.name}).`,
    `Its keys and state are in ${dataDir}.`,
    `See how it does:  restunnel service status${user} ${role}`,
    `Read its log:     restunnel service logs${user} ${role}`,
  ];
  if (!isSystem && manager.name === 'systemd') {
    lines.push('It ends when you log out. To keep it running:  loginctl enable-linger');
  }
  return lines.join('\n');
}
