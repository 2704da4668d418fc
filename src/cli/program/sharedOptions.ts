// What the declarations of several files share.

import { Option } from 'commander';
import { parseAllowRule } from '../../node/allowRule.ts';
import { collect } from '../arguments/flags.ts';
import { parseName } from '../arguments/names.ts';

/** Called with the exit code of a command that has one of its own. */
export type Ends = (exitCode: number) => void;

export function nameOption(description: string): Option {
  return new Option('--name <name>', description).argParser((text) => parseName(text, '--name'));
}

export function allowTargetOption(): Option {
  return new Option(
    '--allow-target <cidr[:ports]>',
    'let the exit node reach this private range, such as 192.168.1.0/24:80,443; may be repeated',
  ).argParser(collect(checkedAllowTarget));
}

function checkedAllowTarget(text: string): string {
  parseAllowRule(text);
  return text;
}
