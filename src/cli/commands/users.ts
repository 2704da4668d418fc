// `restunnel users`: who may use the proxy. Asks the running hub, or the store while none runs. Passwords are hashed here: no other
// process sees them.

import { randomBytes } from 'node:crypto';
import { UserError } from '../../base/userError.ts';
import { dataDirExists, prepareDataDir, resolveDataDir } from '../../boot/dataDir.ts';
import { hashPassword, passwordOf } from '../../hub/access/passwords.ts';
import { checkUserName } from '../../hub/access/userName.ts';
import { callControl, NOT_RUNNING } from '../../hub/serve/controlSocket.ts';
import type { User, UserLimits, Users } from '../../hub/store/userTable.ts';
import { roundDuration } from '../arguments/durations.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { nullIfNone, type OrNone } from '../arguments/nodeFlags.ts';
import { FROM_STDIN, readPasswordFile, readPasswordFrom } from '../arguments/passwordFile.ts';
import { drawTable } from '../output/table.ts';
import { withStore } from '../process/offlineStore.ts';

export interface UsersFlags extends CommonFlags {
  json?: boolean;
}

export interface UserFlags extends UsersFlags {
  passwordFile?: string;
  /** A new one is made up and printed. */
  newPassword?: boolean;
  streams?: OrNone<number>;
  tags?: OrNone<string[]>;
}

const PASSWORD_RANDOM_BYTES = 18;

const WITHOUT_USERS =
  'a proxy on loopback asks nobody for a password, one that others can reach admits nobody';

export async function runUsersList(flags: UsersFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  const users = dataDirExists(dataDir)
    ? await ask<User[]>(dataDir, 'users.list', {}, (all) => all.list())
    : [];
  if (flags.json === true) printJson(users);
  else process.stdout.write(drawUsers(users, Date.now()));
}

export async function runUsersAdd(name: string, flags: UserFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  checkUserName(name);
  const { password, madeUp } = await passwordFor(flags, true);
  prepareDataDir(dataDir);
  const hash = await hashPassword(password!);
  const limits: UserLimits = { streams: null, tags: null, ...limitsOf(flags) };
  const user = await ask<User>(dataDir, 'users.add', { name, hash, limits }, (users) =>
    users.add(name, hash, limits, Date.now()),
  );
  tell(flags, user, madeUp ? password : null, `${name} may use the proxy now`);
}

export async function runUsersSet(name: string, flags: UserFlags): Promise<void> {
  const dataDir = existingDir(flags);
  if (flags.passwordFile !== undefined && flags.newPassword === true) {
    throw new UserError('say --password-file or --new-password, not both', 2);
  }
  const { password, madeUp } = await passwordFor(flags, flags.newPassword === true);
  const limits = limitsOf(flags);
  if (password === null && Object.keys(limits).length === 0) {
    throw new UserError('nothing to change: say --password-file, --new-password, --streams or --tags', 2);
  }
  const change = { ...(password === null ? {} : { hash: await hashPassword(password) }), limits };
  const user = await ask<User>(dataDir, 'users.set', { name, ...change }, (users) =>
    users.change(name, change, Date.now()),
  );
  tell(flags, user, madeUp ? password : null, `${name} is changed`);
}

export async function runUsersRemove(name: string, flags: UsersFlags): Promise<void> {
  const dataDir = existingDir(flags);
  const user = await ask<User>(dataDir, 'users.remove', { name }, (users) => users.remove(name));
  tell(flags, user, null, `${name} may not use the proxy any more`);
  const left = await ask<User[]>(dataDir, 'users.list', {}, (users) => users.list());
  if (left.length === 0) {
    process.stderr.write(`restunnel: no users are left: ${WITHOUT_USERS}\n`);
  }
}

/** A hub that runs makes the change itself, so that it counts at once. */
async function ask<T>(
  dataDir: string,
  command: string,
  body: object,
  offline: (users: Users) => T,
): Promise<T> {
  const answer = await callControl(dataDir, command, body);
  return answer === NOT_RUNNING ? withStore(dataDir, ({ users }) => offline(users)) : (answer as T);
}

function existingDir(flags: CommonFlags): string {
  const dataDir = resolveDataDir(flags.dataDir);
  if (!dataDirExists(dataDir)) throw new UserError(`there are no users: there is no ${dataDir}`);
  return dataDir;
}

async function passwordFor(
  { passwordFile }: UserFlags,
  needed: boolean,
): Promise<{ password: string | null; madeUp: boolean }> {
  if (passwordFile !== undefined) {
    const flag = '--password-file';
    const password =
      passwordFile === FROM_STDIN
        ? await readPasswordFrom(process.stdin, flag)
        : readPasswordFile(passwordFile, flag);
    return { password, madeUp: false };
  }
  return needed
    ? { password: passwordOf(randomBytes(PASSWORD_RANDOM_BYTES)), madeUp: true }
    : { password: null, madeUp: false };
}

function limitsOf({ streams, tags }: UserFlags): Partial<UserLimits> {
  return {
    ...(streams === undefined ? {} : { streams: nullIfNone(streams) }),
    ...(tags === undefined ? {} : { tags: nullIfNone(tags) }),
  };
}

/** A password that was made up is shown this once. */
function tell(flags: UsersFlags, user: User, password: string | null, sentence: string): void {
  if (flags.json === true) {
    printJson(password === null ? user : { ...user, password });
    return;
  }
  process.stdout.write(`${sentence}\n`);
  if (password !== null) process.stdout.write(`password: ${password}   (kept nowhere: note it now)\n`);
}

export function drawUsers(users: readonly User[], nowMs: number): string {
  if (users.length === 0) {
    return `There are no users: ${WITHOUT_USERS}. Add one with: restunnel users add NAME\n`;
  }
  const ago = (time: string) => `${roundDuration(nowMs - Date.parse(time))} ago`;
  const rows = users.map(({ name, limits, createdAt, changedAt }) => [
    name,
    limits.streams === null ? 'any' : String(limits.streams),
    limits.tags === null ? 'any' : limits.tags.join(','),
    ago(createdAt),
    createdAt === changedAt ? '-' : ago(changedAt),
  ]);
  return drawTable([['NAME', 'STREAMS', 'TAGS', 'ADDED', 'CHANGED'], ...rows]);
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
