// The words behind `service install hub|node`: checked by the role's own command, and made fit for a service, which runs from another
// folder and must not carry a pairing link in its definition.

import { resolve } from 'node:path';
import type { Command, Option } from 'commander';
import { UserError } from '../../base/userError.ts';
import { defaultKeyStore } from '../../noise/keyStores.ts';
import { FROM_STDIN } from '../arguments/secrets.ts';

export interface ServiceOptions {
  /** For the definition: paths are absolute; --data-dir and --pair are taken out. */
  readonly options: readonly string[];
  readonly dataDir: string | null;
  readonly links: readonly string[];
  readonly name: string | undefined;
}

/** What a service manager does itself. */
const NOT_FOR_SERVICES = ['--ready-file'];

/** Throws CommanderError or UserError for what the command would refuse. */
export function splitOptions(command: Command, words: readonly string[]): ServiceOptions {
  const { operands, unknown } = command.parseOptions([...words]);
  const [stray] = [...unknown, ...operands];
  if (stray !== undefined)
    throw new UserError(`restunnel ${command.name()} knows no ${JSON.stringify(stray)}`, 2);
  const { dataDir, pair = [], name } = command.opts<{ dataDir?: string; pair?: string[]; name?: string }>();
  if (pair.includes(FROM_STDIN))
    throw new UserError('--pair -: give the link itself; it is not kept in the service', 2);
  const options: string[] = [];
  for (const { option, word, value } of pairs(command.options, words)) {
    const flag = option.long ?? word;
    if (NOT_FOR_SERVICES.includes(flag)) throw new UserError(`${flag} is not for services`, 2);
    if (flag === '--data-dir' || flag === '--pair') continue;
    if (flag === '--via' && value !== null) checkVia(value);
    options.push(flag);
    if (value !== null) options.push(/<(file|path|dir)>/.test(option.flags) ? resolve(value) : value);
  }
  return { options, dataDir: dataDir === undefined ? null : resolve(dataDir), links: pair, name };
}

/** Everybody on the machine may read the definition, and the service has no standard input. */
function checkVia(value: string): void {
  if (value === FROM_STDIN)
    throw new UserError('--via -: a service has no standard input; give the proxy by --via-file', 2);
  if (!value.includes('@')) return;
  throw new UserError(
    '--via: everybody on this machine may read the definition of a service; give a proxy with a password by --via-file',
    2,
  );
}

/**
 * The machine's service starts before anybody has logged in: there the Keychain is locked, and Windows' accounts of services are not
 * where people look for their credentials. A new key is a file, unless the words say otherwise.
 */
export function withKeyStore(
  options: readonly string[],
  platform: NodeJS.Platform,
  isSystem: boolean,
): readonly string[] {
  const isChosen = options.includes('--key-store');
  return !isSystem || isChosen || defaultKeyStore(platform) === 'file'
    ? options
    : [...options, '--key-store', 'file'];
}

/** Each option with its value: `--a b`, `--a=b` and flags without one. The command has accepted all of them. */
function* pairs(
  known: readonly Option[],
  words: readonly string[],
): Generator<{ option: Option; word: string; value: string | null }> {
  for (let i = 0; i < words.length; i++) {
    const [word = '', ...rest] = words[i]!.split('=');
    const option = known.find((each) => each.long === word || each.short === word);
    if (option === undefined) continue;
    if (!option.required) yield { option, word, value: null };
    else yield { option, word, value: rest.length > 0 ? rest.join('=') : (words[++i] ?? '') };
  }
}
