// The rules file as its owner writes it, YAML or JSON: its schema, and a sentence with a place for every mistake. Pure.

import { isAlias, isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import { RULES } from '../limits/owner.ts';
import { NETWORKS } from '../model/fleet.ts';
import { isCountryCode } from '../model/nameSyntax.ts';
import { type Hours, parseHours } from './hours.ts';
import { type PortRange, parsePortRange } from './portRange.ts';

export interface Problem {
  /** Lines and columns count from 1; 0: the file as a whole. */
  readonly line: number;
  readonly column: number;
  /** As routes[2].through.tag; empty: the file as a whole. */
  readonly path: string;
  readonly sentence: string;
}

/** A single value is taken as a list of one. */
function listOf<T extends z.ZodType>(item: T, max: number) {
  return z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(item).min(1).max(max));
}

const name = z.string().min(1).max(64);
const host = z.string().min(1).max(255);
const hours = listOf(
  z.string().transform((text, context): Hours => {
    const read = parseHours(text);
    if (read !== null) return read;
    context.addIssue('write hours as "08:00-22:00"');
    return z.NEVER;
  }),
  RULES.hoursMax,
);
const ports = listOf(
  z.union([z.string(), z.number()]).transform((value, context): PortRange => {
    const read = parsePortRange(String(value));
    if (read !== null) return read;
    context.addIssue('write a port as 443, or several as 8000-9000');
    return z.NEVER;
  }),
  RULES.portsMax,
);

const hostGroup = {
  hosts: listOf(host, RULES.inlineMax).exactOptional(),
  /** Files of names, relative to the rules file. */
  lists: listOf(z.string().min(1).max(4_096), RULES.listsMax).exactOptional(),
  /** Hosts that are left out, although the others include them. */
  except: listOf(host, RULES.inlineMax).exactOptional(),
  ports: ports.exactOptional(),
};

/** A single host is a group of one. */
const group = z.preprocess(
  (value) => (typeof value === 'string' ? { hosts: [value] } : value),
  z
    .strictObject(hostGroup)
    .refine(
      (value) => value.hosts !== undefined || value.lists !== undefined || value.ports !== undefined,
      'says neither hosts, nor lists, nor ports',
    ),
);

const gate = z.strictObject({
  /** Only these may be reached. */
  allow: listOf(group, RULES.groupsMax).exactOptional(),
  /** These may not be reached, even when they are allowed. */
  refuse: listOf(group, RULES.groupsMax).exactOptional(),
});

const through = z.preprocess(
  (value) => (value === 'any' ? {} : value),
  z.strictObject({
    node: name.exactOptional(),
    tag: name.exactOptional(),
    country: z
      .string()
      .refine(isCountryCode, 'write a country as two letters, such as DE')
      .transform((text) => text.toUpperCase())
      .exactOptional(),
    platform: name.exactOptional(),
    net: z.enum(NETWORKS).exactOptional(),
  }),
);

const rulesFile = z.strictObject({
  hosts: gate.exactOptional(),
  routes: z
    .array(z.strictObject({ ...hostGroup, users: listOf(name, RULES.usersMax).exactOptional(), through }))
    .max(RULES.routesMax)
    .exactOptional(),
  /** By name; "*" stands for all users without an entry. */
  users: z
    .record(
      name,
      z.strictObject({
        hours: hours.exactOptional(),
        hosts: gate.exactOptional(),
      }),
    )
    .refine((users) => Object.keys(users).length <= RULES.usersMax, `more than ${RULES.usersMax} users`)
    .exactOptional(),
  hours: hours.exactOptional(),
});

export type RulesFile = z.output<typeof rulesFile>;
export type HostGroup = z.output<typeof group>;
export type Gate = z.output<typeof gate>;
export type Through = z.output<typeof through>;

type Place = (path: readonly PropertyKey[]) => { line: number; column: number };

/** `place` gives the place of what a path leads to, for problems that are found later. */
export function readRulesFile(text: string): { file: RulesFile; place: Place } | { problems: Problem[] } {
  if (Buffer.byteLength(text) > RULES.fileMaxBytes) {
    return { problems: [atTop(`the file is larger than ${RULES.fileMaxBytes} bytes; put names into lists`)] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    const problems = document.errors.slice(0, RULES.problemsMax).map(({ message, pos }) => {
      const { line, col } = lines.linePos(pos[0]);
      return { line, column: col, path: '', sentence: message.split('\n')[0]! };
    });
    return { problems };
  }
  const place: Place = (path) => {
    const { line, col } = lines.linePos(offsetOf(document.contents, path));
    return { line, column: col };
  };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return { problems: [atTop((error as Error).message)] };
  }
  // The file may be half written, and nobody means "everything is allowed" by an empty one.
  if (value === null || value === undefined)
    return { problems: [atTop('the file says nothing; write {} for no rules')] };
  const read = rulesFile.safeParse(value);
  if (read.success) return { file: read.data, place };
  const problems: Problem[] = [];
  for (const issue of read.error.issues.slice(0, RULES.problemsMax)) {
    const paths =
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of paths)
      problems.push({ ...place(path), path: pathText(path), sentence: sentenceOf(issue) });
  }
  return { problems };
}

function atTop(sentence: string): Problem {
  return { line: 0, column: 0, path: '', sentence };
}

/** Where the value begins that a path leads to, or the last one on the way when there is none. */
function offsetOf(contents: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = contents;
  let offset = 0;
  for (const segment of path) {
    if (isAlias(node)) break;
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => String((key as { value?: unknown }).value) === String(segment),
      );
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(segment)];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}

export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i > 0 ? '.' : ''}${String(part)}`))
    .join('');
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of settings',
  record: 'a group of settings',
};

function sentenceOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return 'there is no such setting';
    case 'invalid_type':
      return `this must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `this must be one of ${issue.values.join(', ')}`;
    case 'invalid_union':
      return 'this must be text or a number';
    case 'too_big':
      return issue.origin === 'string'
        ? `longer than ${issue.maximum} characters`
        : `more than ${issue.maximum}`;
    case 'too_small':
      return issue.origin === 'number' ? `less than ${issue.minimum}` : 'this is empty';
    default:
      return issue.message;
  }
}
