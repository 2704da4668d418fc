// The engine thread of an exit node, started by node/node.ts: a reactor and the exit role.

import '../limits/relations.ts';
import { workerData } from 'node:worker_threads';
import type { Order, ThreadPlan } from '../engine/messages.ts';
import { ThreadLoop } from '../engine/threadLoop.ts';
import { SessionSlots, ThreadSlots } from '../ring/slots.ts';
import { parseAllowRule } from './allowRule.ts';
import { Exit } from './exit.ts';
import { TargetPolicy } from './policy.ts';

const plan = workerData as Extract<ThreadPlan, { role: 'exit' }>;
const loop = new ThreadLoop(plan.io);
const { reactor, tell } = loop;
const threadSlots = new ThreadSlots(plan.slots, plan.thread);
const policy = new TargetPolicy({
  allow: plan.allowTargets.map(parseAllowRule),
  ownAddresses: [...plan.ownAddresses],
  hubAddresses: [],
});
const exit = new Exit({
  reactor,
  policy,
  slots: new SessionSlots(plan.slots),
  makeAead: loop.makeAead,
  tell,
});

function obey(order: Order): void {
  switch (order.type) {
    case 'dial':
      exit.dialHub(order.dial, order.address, order.port, order.message1);
      return;
    case 'session':
      exit.begin(order.dial, order.index, order, order, order.status);
      order.sendKey.fill(0);
      order.receiveKey.fill(0);
      return;
    case 'hangUp':
      exit.hangUp(order.dial, order.reason);
      return;
    case 'status':
      exit.sendStatus(order.dial, order.json);
      return;
    case 'names':
      exit.onLookup(order.query, order.addresses === null ? null : [...order.addresses], order.failure);
      return;
    case 'ownAddresses':
      policy.setOwnAddresses([...order.addresses]);
      return;
    case 'hubAddresses':
      policy.setHubAddresses([...order.addresses]);
      return;
    case 'drain':
      exit.drain();
      return;
  }
}

let drainedTold = false;
reactor.onTurnEnd({
  onTurnEnd() {
    threadSlots.set('connections', reactor.connections);
    threadSlots.set('streams', exit.streams);
    if (drainedTold || !exit.drained) return;
    drainedTold = true;
    tell({ type: 'drained' });
  },
});
loop.run(obey, () => exit.end());
