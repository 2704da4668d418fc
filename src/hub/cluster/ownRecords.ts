// What a hub's own store has of a device or a user as records of the cluster, and back. Pure.

import type { NodeRecord, UserRecord } from '../../cluster/records.ts';
import type { NodeSettings } from '../../model/fleet.ts';
import type { StoredNode } from '../store/storedNode.ts';
import type { StoredUser } from '../store/userTable.ts';

export function nodeRecord(
  { id, publicKey, name, createdAtMs, revokedAtMs }: StoredNode,
  enrolledAtMs: number | undefined,
  changedAtMs: number,
  settings: NodeSettings,
): NodeRecord {
  return {
    id,
    publicKey: Buffer.from(publicKey).toString('base64url'),
    ...{ name, createdAtMs, enrolledAtMs: enrolledAtMs ?? createdAtMs, revokedAtMs, changedAtMs, settings },
  };
}

export function userRecord({ user, hash }: StoredUser): UserRecord {
  const { name, limits, createdAt, changedAt } = user;
  return { name, hash, limits, createdAtMs: Date.parse(createdAt), changedAtMs: Date.parse(changedAt) };
}

export function storedUser({ name, hash, limits, createdAtMs, changedAtMs }: UserRecord) {
  const [createdAt, changedAt] = [new Date(createdAtMs), new Date(changedAtMs)].map((date) =>
    date.toISOString(),
  );
  return { user: { name, limits, createdAt: createdAt!, changedAt: changedAt! }, hash };
}
