// How a session's end is told to the owner.

import { expect, test } from 'vitest';
import { SessionLife, type SessionLifeParts } from '../../src/hub/sessions/sessionLife.ts';

/** The reason that the log and the events give for a session which ended with `cause`. */
function endOf(cause: string, { saidGoAway }: { saidGoAway: boolean }): string[] {
  const session = { index: 0, number: 1, nodeId: 'abc', lane: 0, up: true, draining: false };
  const told: string[] = [];
  const life = new SessionLife({
    sessions: { find: () => session, remove: () => {} },
    keeper: { touch: () => {}, disconnected: (_session: unknown, reason: string) => told.push(reason) },
    log: { info: ({ reason }: { reason: string }) => told.push(reason) },
    toFront: () => {},
  } as unknown as SessionLifeParts);
  if (saidGoAway) life.goAway({ type: 'goAway', index: 0, number: 1 });
  life.down({ type: 'tunnelDown', index: 0, number: 1, reason: cause });
  return told;
}

test('a node that was stopped on purpose reads so', () => {
  const cause = 'the peer closed the connection';
  expect(endOf(cause, { saidGoAway: true })).toEqual(['it was stopped', 'it was stopped']);
  expect(endOf(cause, { saidGoAway: false })).toEqual([cause, cause]);
  const broke = 'the connection broke: ECONNRESET';
  expect(endOf(broke, { saidGoAway: true })).toEqual([broke, broke]);
});
