// The module that a hub's engine threads run.

import '../limits/relations.ts';
import { workerData } from 'node:worker_threads';
import { SessionSlots, ThreadSlots, UserSlots } from '../ring/slots.ts';
import { HubEngine } from './hubEngine.ts';
import { HubRehearsal } from './hubRehearsal.ts';
import type { FrontPlan, WorkerPlan } from './messages.ts';
import { Rehearsal } from './rehearsal.ts';
import { ThreadLoop } from './threadLoop.ts';

const plan = workerData as FrontPlan | WorkerPlan;
const loop = new ThreadLoop(plan.io);
const engine = new HubEngine({
  plan,
  reactor: loop.reactor,
  makeAead: loop.makeAead,
  slots: {
    sessions: new SessionSlots(plan.slots),
    thread: new ThreadSlots(plan.slots, plan.thread),
    users: new UserSlots(plan.slots, plan.thread),
  },
  tell: loop.tell,
});
const rehearsal = new Rehearsal({
  reactor: loop.reactor,
  setUp: () => new HubRehearsal(loop.makeAead, loop.fault),
  hasWork: () => engine.isServing,
  onFault: loop.fault,
});
loop.run(
  (order) => {
    engine.obey(order);
    // Streams come now.
    if (order.type === 'greet' || order.type === 'route') rehearsal.begin();
  },
  () => engine.end(),
);
