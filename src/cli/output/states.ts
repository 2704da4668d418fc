// The states of a node, as people read them. Pure. Called by the tables and the live view.

import type { NodeState } from '../../model/fleet.ts';

const WORDS: Record<NodeState, string> = {
  revoked: 'revoked',
  away: 'away',
  rotating: 'rotating',
  draining: 'draining',
  paused: 'paused',
  overQuota: 'over quota',
  offHours: 'off hours',
  connected: 'connected',
};

export function stateWord(state: NodeState): string {
  return WORDS[state] ?? state;
}
