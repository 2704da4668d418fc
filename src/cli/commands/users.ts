// `restunnel users`: who may use the proxy, whether or not the hub is running. Passwords are hashed here: no other process sees them.

import { randomBytes } from 'node:crypto';
import { UserError } from '../../base/userError.ts';
import { dataDirExists, prepareDataDir, resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, inPath, withHubOrStore } from '../../boot/ownerClient.ts';
import { hashPassword, passwordOf } from '../../hub/access/passwords.ts';
import type { User, UserLimits } from '../../model/userAccounts.ts';
import { checkUserName } from '../../model/userName.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { nullIfNone, type OrNone } from '../arguments/nodeFlags.ts';
import { FROM_STDIN, readPasswordFile, readPasswordFrom } from '../arguments/secrets.ts';
import { printJson } from '../output/stdout.ts';
import { drawTable } from '../output/terminalText.ts';
import { roundDuration } from '../units.ts';

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
  'a proxy on loopback asks nobody for a password, and one that others can reach admits nobody';

export async function runUsersList(flags: UsersFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  const users = await listUsers(dataDir);
  if (flags.json === true) printJson(users);
  else process.stdout.write(drawUsers(users, Date.now()));
}

async function listUsers(dataDir: string): Promise<readonly User[]> {
  // Looking must not leave a data directory behind.
  if (!dataDirExists(dataDir)) return [];
  return withHubOrStore(dataDir, ({ api }) => answerOf(api.users.$get()));
}

export async function runUsersAdd(name: string, flags: UserFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  checkUserName(name);
  const { password, madeUp } = (await givenPassword(flags)) ?? madeUpPassword();
  prepareDataDir(dataDir);
  const limits: UserLimits = { streams: null, tags: null, ...limitsOf(flags) };
  const json = { name, passwordHash: await hashPassword(password), limits };
  const user = await withHubOrStore(dataDir, ({ api }) => answerOf(api.users.$post({ json })));
  tell(flags, user, madeUp ? password : null, `${name} may now use the proxy`);
}

export async function runUsersSet(name: string, flags: UserFlags): Promise<void> {
  const dataDir = existingDir(flags);
  if (flags.passwordFile !== undefined && flags.newPassword === true) {
    throw new UserError('give --password-file or --new-password, not both', 2);
  }
  const given = flags.newPassword === true ? madeUpPassword() : await givenPassword(flags);
  const limits = limitsOf(flags);
  if (given === null && Object.keys(limits).length === 0) {
    throw new UserError('nothing to change; give --password-file, --new-password, --streams or --tags', 2);
  }
  const hashed = given === null ? {} : { passwordHash: await hashPassword(given.password) };
  const user = await withHubOrStore(dataDir, ({ api }) =>
    answerOf(api.users[':name'].$patch({ param: { name: inPath(name) }, json: { ...hashed, limits } })),
  );
  tell(flags, user, given?.madeUp === true ? given.password : null, `changed ${name}`);
}

export async function runUsersRemove(name: string, flags: UsersFlags): Promise<void> {
  await withHubOrStore(existingDir(flags), async ({ api }) => {
    const user = await answerOf(api.users[':name'].$delete({ param: { name: inPath(name) } }));
    tell(flags, user, null, `${name} may no longer use the proxy`);
    const left = await answerOf(api.users.$get());
    if (left.length > 0) return;
    process.stderr.write(`restunnel: no users are left: ${WITHOUT_USERS}\n`);
  });
}

function existingDir(flags: CommonFlags): string {
  const dataDir = resolveDataDir(flags.dataDir);
  if (!dataDirExists(dataDir)) throw new UserError(`there are no users: ${dataDir} does not exist`);
  return dataDir;
}

interface ChosenPassword {
  readonly password: string;
  /** Nobody knows it yet. */
  readonly madeUp: boolean;
}

/** null: none was given. */
async function givenPassword({ passwordFile }: UserFlags): Promise<ChosenPassword | null> {
  if (passwordFile === undefined) return null;
  const flag = '--password-file';
  const password =
    passwordFile === FROM_STDIN
      ? await readPasswordFrom(process.stdin, flag)
      : readPasswordFile(passwordFile, flag);
  return { password, madeUp: false };
}

function madeUpPassword(): ChosenPassword {
  return { password: passwordOf(randomBytes(PASSWORD_RANDOM_BYTES)), madeUp: true };
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
  if (password !== null) process.stdout.write(`password: ${password}   (not stored: write it down now)\n`);
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
