// What an owner says about a node or a user on the command line, as the change it stands for. Pure. Called by the option parsers and by
// nodes.ts; nodeSettings.ts has the last word on what a setting may be.

import { quote, UserError } from '../../base/userError.ts';
import type { NodeChange } from '../../model/fleet.ts';
import { isCountryCode } from '../../model/nameSyntax.ts';
import { cleanTags } from '../../model/tags.ts';

/** Takes a limit away. Not null: commander makes an empty text of that. */
export const NONE = 'none';
export type OrNone<T> = T | typeof NONE;

export interface NodeSetFlags {
  tags?: OrNone<string[]>;
  country?: OrNone<string>;
  mbit?: OrNone<number>;
  streams?: OrNone<number>;
  quota?: OrNone<number>;
  hours?: OrNone<string>;
  rotateSchedule?: OrNone<string>;
}

/** A parser that leaves the word `none` alone. */
export function orNone<T>(parse: (text: string) => T): (text: string) => OrNone<T> {
  return (text) => (text === NONE ? NONE : parse(text));
}

/** What a flag stands for. */
export function nullIfNone<T>(value: OrNone<T>): T | null {
  return value === NONE ? null : (value as T);
}

/** `a,b`: each a tag. Throws UserError (exit code 2). */
export function parseTags(text: string): string[] {
  return cleanTags(text.split(',').map((tag) => tag.trim()));
}

/** Throws UserError (exit code 2) for what is no two letters. */
export function parseCountry(text: string): string {
  if (!isCountryCode(text)) {
    throw new UserError(`--country: ${quote(text)} is not a country's two letters, such as DE`, 2);
  }
  return text.toUpperCase();
}

/** Mbit/s, with a fraction if need be. Throws UserError (exit code 2). */
export function parseMbit(text: string): number {
  const mbit = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (mbit <= 0) throw new UserError(`--mbit: ${quote(text)} is not a rate in Mbit/s such as 20 or 0.5`, 2);
  return mbit;
}

/** Throws UserError (exit code 2) when the flags change nothing. */
export function nodeChangeOf(flags: NodeSetFlags): NodeChange {
  const { tags, country, mbit, streams, quota, hours, rotateSchedule } = flags;
  const limits = {
    ...(mbit === undefined ? {} : { mbitPerSecond: nullIfNone(mbit) }),
    ...(streams === undefined ? {} : { streams: nullIfNone(streams) }),
    ...(quota === undefined ? {} : { monthlyBytes: nullIfNone(quota) }),
    ...(hours === undefined ? {} : { hours: nullIfNone(hours) }),
  };
  const change: NodeChange = {
    ...(tags === undefined ? {} : { tags: nullIfNone(tags) ?? [] }),
    ...(country === undefined ? {} : { country: nullIfNone(country) }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(rotateSchedule === undefined ? {} : { rotateSchedule: nullIfNone(rotateSchedule) }),
  };
  if (Object.keys(change).length === 0) {
    throw new UserError(
      'nothing to change: say --tags, --country, --mbit, --streams, --quota, --hours or --rotate-schedule',
      2,
    );
  }
  return change;
}
