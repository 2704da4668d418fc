// Which nodes hear of a new list of hubs, and which hear of it when they say what they have.

import { beforeEach, describe, expect, test } from 'vitest';
import type { ToWorker } from '../../src/engine/messages.ts';
import { HubListTeller } from '../../src/hub/fleet/hubListTeller.ts';
import { parseNodeStatus } from '../../src/hub/fleet/nodeStatus.ts';
import type { HubSession } from '../../src/hub/sessions/sessionTable.ts';

const status = (hubList: number | null) => parseNodeStatus(JSON.stringify({ hubList }))!;
const session = (index: number, worker: number, hubList: number | null | undefined): HubSession => {
  const said = hubList === undefined ? null : status(hubList);
  return { index, number: 100 + index, worker, status: said } as HubSession;
};

let all: HubSession[];
let told: [worker: number, sessions: readonly (readonly [number, number])[], number: number][];
let teller: HubListTeller;

beforeEach(() => {
  all = [];
  told = [];
  teller = new HubListTeller({ all: () => all }, (worker, message) => {
    const { sessions, parts } = message as Extract<ToWorker, { type: 'hubList' }>;
    told.push([worker, sessions, parts[0]!.number]);
  });
});

describe('a list of hubs', () => {
  test('goes to the nodes that follow lists and have an older one, in one message for each worker', () => {
    all = [
      session(1, 0, 0),
      session(2, 1, 4),
      session(3, 0, 3),
      // It has it; follows none; has said nothing yet.
      session(4, 0, 5),
      session(5, 0, null),
      session(6, 1, undefined),
    ];
    teller.set(5, Uint8Array.of(1));
    expect(told).toEqual([
      [
        0,
        [
          [1, 101],
          [3, 103],
        ],
        5,
      ],
      [1, [[2, 102]], 5],
    ]);
  });

  test('goes to a node that says it has an older one', () => {
    teller.heard(session(1, 0, undefined), status(0));
    expect(told).toEqual([]);
    teller.set(5, Uint8Array.of(1));
    for (const number of [5, 6, null]) teller.heard(session(1, 0, undefined), status(number));
    expect(told).toEqual([]);
    teller.heard(session(1, 0, undefined), status(4));
    expect(told).toEqual([[0, [[1, 101]], 5]]);
  });
});
