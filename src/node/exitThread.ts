// The module that an exit node's engine thread runs.

import '../limits/relations.ts';
import { workerData } from 'node:worker_threads';
import type { ExitPlan } from '../engine/messages.ts';
import { Rehearsal } from '../engine/rehearsal.ts';
import { ThreadLoop } from '../engine/threadLoop.ts';
import { ExitEngine } from './exitEngine.ts';
import { ExitRehearsal } from './exitRehearsal.ts';
import { secureDial } from './secureDial.ts';

const plan = workerData as ExitPlan;
const loop = new ThreadLoop(plan.io, plan.keepAliveIdleS);
const { reactor, makeAead, tell } = loop;
const secure = secureDial(reactor, tell);
const engine = new ExitEngine({ plan, reactor, makeAead, secure, tell });
const rehearsal = new Rehearsal({
  reactor,
  setUp: () => new ExitRehearsal(makeAead, loop.fault),
  hasWork: () => engine.exit.streams > 0,
  onFault: loop.fault,
});
loop.run(
  (order) => {
    engine.obey(order);
    if (order.type === 'session') rehearsal.begin();
  },
  () => engine.end(),
);
