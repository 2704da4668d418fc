// What an owner may set on a node: the defaults, and the check of a change. Pure.

import { UserError } from '../../base/userError.ts';
import { SETTINGS } from '../../limits/owner.ts';
import type { NodeChange, NodeLimits, NodeSettings } from '../../model/fleet.ts';
import { isCountryCode } from '../../model/nameSyntax.ts';
import { cleanTags } from '../../model/tags.ts';
import type { StoredNode } from '../store/storedNode.ts';
import { hoursOf } from './nodeLimits.ts';
import { parseSchedule } from './rotateSchedule.ts';

/** A node with what the owner decided about it. */
export interface KnownNode {
  readonly stored: StoredNode;
  readonly settings: NodeSettings;
}

export const DEFAULT_SETTINGS: NodeSettings = {
  tags: [],
  country: null,
  paused: false,
  limits: { mbitPerSecond: null, streams: null, monthlyBytes: null, hours: null },
  rotateSchedule: null,
};

/** The settings after a change; its `name` is the store's to check. Throws UserError (exit code 2) with what is wrong. */
export function changedSettings(settings: NodeSettings, change: NodeChange): NodeSettings {
  return {
    tags: change.tags === undefined ? settings.tags : cleanTags(change.tags),
    country: change.country === undefined ? settings.country : checkedCountry(change.country),
    paused: change.paused ?? settings.paused,
    limits: change.limits === undefined ? settings.limits : checkedLimits(settings.limits, change.limits),
    rotateSchedule:
      change.rotateSchedule === undefined ? settings.rotateSchedule : checkedSchedule(change.rotateSchedule),
  };
}

function checkedCountry(country: string | null): string | null {
  if (country === null) return null;
  if (!isCountryCode(country)) {
    throw new UserError(`${JSON.stringify(country)} is not a two-letter country code such as DE`, 2);
  }
  return country.toUpperCase();
}

function checkedLimits(limits: NodeLimits, change: Partial<NodeLimits>): NodeLimits {
  const { mbitPerSecond, streams, monthlyBytes, hours } = { ...limits, ...change };
  const { mbitPerSecondMin: min, mbitPerSecondMax: max } = SETTINGS;
  if (mbitPerSecond !== null && !(mbitPerSecond >= min && mbitPerSecond <= max)) {
    throw new UserError(`a node's rate must be between ${min} and ${max} Mbit/s`, 2);
  }
  if (streams !== null && !(Number.isSafeInteger(streams) && streams > 0)) {
    throw new UserError("a node's streams must be a whole number from 1; pause the node to allow none", 2);
  }
  if (monthlyBytes !== null && !(Number.isSafeInteger(monthlyBytes) && monthlyBytes > 0)) {
    throw new UserError(
      "a node's monthly bytes must be a whole number from 1; pause the node to allow none",
      2,
    );
  }
  if (hours !== null && hoursOf(hours) === null) {
    throw new UserError(`${JSON.stringify(hours)} is not a range of hours such as 22:00-06:00`, 2);
  }
  return { mbitPerSecond, streams, monthlyBytes, hours };
}

function checkedSchedule(schedule: string | null): string | null {
  if (schedule !== null && parseSchedule(schedule) === null) {
    throw new UserError(
      `${JSON.stringify(schedule)} is not a schedule such as "every 30m", "every 6h" or "daily 04:30"`,
      2,
    );
  }
  return schedule;
}
