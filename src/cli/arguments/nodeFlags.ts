// The options that change a node or a user, as the change they stand for. Pure. hub/fleet/nodeSettings.ts decides what a setting may be.

import { UserError } from '../../base/userError.ts';
import type { NodeChange } from '../../model/fleet.ts';

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
      'nothing to change; give --tags, --country, --mbit, --streams, --quota, --hours or --rotate-schedule',
      2,
    );
  }
  return change;
}
