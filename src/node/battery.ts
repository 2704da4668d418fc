// The battery's level for STATUS, as far as the system tells (Linux: /sys/class/power_supply).

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isShortage } from '../base/shortage.ts';

export interface Battery {
  /** 0..100, the mean of several batteries; null where the system doesn't tell. */
  readonly percent: number | null;
  readonly charging: boolean | null;
}

export const NO_BATTERY: Battery = { percent: null, charging: null };

/** Rejects when the system lacks descriptors or memory: what it said before is still true then. */
export async function readBattery(directory = '/sys/class/power_supply'): Promise<Battery> {
  const names = await readdir(directory).catch(orNothing([] as string[]));
  const levels: number[] = [];
  const states: string[] = [];
  for (const name of names) {
    const supply = join(directory, name);
    if ((await attribute(supply, 'type')) !== 'Battery') continue;
    // A mouse's or a headset's.
    if ((await attribute(supply, 'scope')) === 'Device') continue;
    const capacity = await attribute(supply, 'capacity');
    if (/^[0-9]{1,3}$/.test(capacity)) levels.push(Math.min(100, Number(capacity)));
    const status = await attribute(supply, 'status');
    if (status !== '' && status !== 'Unknown') states.push(status);
  }
  if (levels.length === 0 && states.length === 0) return NO_BATTERY;
  return {
    percent:
      levels.length === 0 ? null : Math.round(levels.reduce((sum, level) => sum + level, 0) / levels.length),
    charging: states.length === 0 ? null : states.includes('Charging'),
  };
}

/** '' when there is no such attribute. */
async function attribute(supply: string, name: string): Promise<string> {
  const text = await readFile(join(supply, name), 'utf8').catch(orNothing(''));
  return text.trim();
}

function orNothing<T>(nothing: T): (error: unknown) => T {
  return (error) => {
    if (isShortage(error)) throw error;
    return nothing;
  };
}
