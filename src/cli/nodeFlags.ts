// What an owner says about a node or a user on the command line, as the change it stands for. Pure. Called by the option parsers and by
// nodes.ts; nodeSettings.ts has the last word on what a setting may be.

import type { NodeChange } from '../control/fleet.ts';
import { cleanTags } from '../control/tags.ts';
import { UserError } from '../userError.ts';
import { quote } from './addresses.ts';

export interface NodeSetFlags {
  tags?: string[] | null;
  country?: string | null;
  mbit?: number | null;
  streams?: number | null;
  quota?: number | null;
  hours?: string | null;
  rotateSchedule?: string | null;
}

/** The word that takes a limit away is `null`; everything else goes to `parse`. */
export function orNone<T>(parse: (text: string) => T): (text: string) => T | null {
  return (text) => (text === 'none' ? null : parse(text));
}

/** `a,b`: each a tag. Throws UserError (exit code 2). */
export function parseTags(text: string): string[] {
  return cleanTags(text.split(',').map((tag) => tag.trim()));
}

/** Throws UserError (exit code 2) for what is no two letters. */
export function parseCountry(text: string): string {
  if (!/^[A-Za-z]{2}$/.test(text)) {
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
    ...(mbit === undefined ? {} : { mbitPerSecond: mbit }),
    ...(streams === undefined ? {} : { streams }),
    ...(quota === undefined ? {} : { monthlyBytes: quota }),
    ...(hours === undefined ? {} : { hours }),
  };
  const change: NodeChange = {
    ...(tags === undefined ? {} : { tags: tags ?? [] }),
    ...(country === undefined ? {} : { country }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(rotateSchedule === undefined ? {} : { rotateSchedule }),
  };
  if (Object.keys(change).length === 0) {
    throw new UserError(
      'nothing to change: say --tags, --country, --mbit, --streams, --quota, --hours or --rotate-schedule',
      2,
    );
  }
  return change;
}
