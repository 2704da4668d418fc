// What the owner changed about a node, as a sentence for the event log. Pure.

import type { KnownNode } from './nodeSettings.ts';

/** null: nothing. */
export function changeText(before: KnownNode, after: KnownNode): string | null {
  const { name } = after.stored;
  const changes: string[] = [];
  if (before.stored.name !== name) changes.push(`it was called ${before.stored.name}`);
  const old = new Map(fieldsOf(before));
  for (const [field, value] of fieldsOf(after)) {
    if (old.get(field) !== value) changes.push(`${field}: ${value === null ? 'none' : String(value)}`);
  }
  return changes.length === 0 ? null : `${name} was changed (${changes.join('; ')})`;
}

function fieldsOf({ settings }: KnownNode): [string, string | number | boolean | null][] {
  const { limits, tags, ...others } = settings;
  return Object.entries({ ...others, ...limits, tags: tags.join(', ') || null });
}
