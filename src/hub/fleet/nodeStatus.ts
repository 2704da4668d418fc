// A node's STATUS as the hub reads it (node/statusReport.ts writes it). A device may send anything: every field is checked, and what does
// not fit is left out. Pure.

import { z } from 'zod';
import { NETWORKS, type Network, VIA_KINDS, type ViaKind } from '../../model/fleet.ts';

/** Nothing that could harm a terminal or a page. */
const words = z
  .string()
  .max(64)
  .regex(/^[^\p{C}]+$/u);
const address = z.union([z.ipv4(), z.ipv6()]);
const orNull = <T>(schema: z.ZodType<T>) => schema.nullable().catch(null).default(null);

const rotationAnswer = z.object({
  request: z.int().nonnegative(),
  ok: z.boolean(),
  oldAddress: orNull(address),
  newAddress: orNull(address),
  tookMs: z.number().nonnegative().catch(0).default(0),
  /** The node's own words on why there is no new address. */
  error: orNull(
    z
      .string()
      .max(256)
      .regex(/^[^\p{C}]*$/u),
  ),
});

const nodeStatus = z.object({
  platform: orNull(words),
  network: orNull(z.enum(NETWORKS)),
  version: orNull(words),
  batteryPercent: orNull(z.number().min(0).max(100)),
  charging: orNull(z.boolean()),
  publicAddress: orNull(address),
  canRotate: orNull(z.boolean()),
  via: orNull(z.enum(VIA_KINDS)),
  rotation: orNull(rotationAnswer),
  hubList: orNull(z.int().nonnegative()),
});

export type RotationAnswer = z.infer<typeof rotationAnswer>;

export interface NodeStatus {
  readonly platform: string | null;
  readonly network: Network | null;
  readonly version: string | null;
  readonly batteryPercent: number | null;
  readonly charging: boolean | null;
  readonly publicAddress: string | null;
  /** Whether it can get a new address on request; null: an older version, which does not say. */
  readonly canRotate: boolean | null;
  /** The kind of proxy through which this session came; null: none, or an older version, which does not say. */
  readonly via: ViaKind | null;
  readonly rotation: RotationAnswer | null;
  /** The number of the cluster's list that it has; null: it follows none. */
  readonly hubList: number | null;
}

/** null: it is no JSON object. */
export function parseNodeStatus(json: string): NodeStatus | null {
  try {
    const result = nodeStatus.safeParse(JSON.parse(json));
    return result.success ? result.data : null;
  } catch {
    return null;
  }
}
