// What a whole hub is started with, and what counts where its owner chose nothing. The command line and the package entry state only
// what was chosen.

import type { HostPort } from '../base/hostPort.ts';
import { HUB_DEFAULTS, type HubOptions } from '../hub/hubOptions.ts';
import { DASHBOARD } from '../limits/owner.ts';

export interface BootOptions extends HubOptions {
  readonly dashboard: HostPort;
  /** Host names besides its address by which browsers may call the dashboard: of a reverse proxy, or of a forwarded port. */
  readonly dashboardHosts: readonly string[];
  /** Asked for by the dashboard; null: none. */
  readonly dashboardPassword: string | null;
  /** The Android app that the hub hands out; null: the one beside the installation. */
  readonly apk: string | null;
  /** How many nodes have metrics of their own. */
  readonly metricsNodes: number;
}

export const BOOT_DEFAULTS = {
  ...HUB_DEFAULTS,
  dashboard: { host: '127.0.0.1', port: 8_080 },
  dashboardHosts: [],
  dashboardPassword: null,
  apk: null,
  metricsNodes: DASHBOARD.metricsNodesDefault,
} as const satisfies Omit<BootOptions, 'dataDir' | 'log'>;

/** An option that is undefined was not chosen. */
export type ChosenOptions = Pick<BootOptions, 'dataDir' | 'log'> & {
  readonly [Name in keyof BootOptions]?: BootOptions[Name] | undefined;
};

export function withDefaults(chosen: ChosenOptions): BootOptions {
  const named = Object.entries(chosen).filter(([, value]) => value !== undefined);
  return { ...BOOT_DEFAULTS, ...(Object.fromEntries(named) as Pick<BootOptions, 'dataDir' | 'log'>) };
}
