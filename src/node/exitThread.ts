// The module that an exit node's engine thread runs.

import '../limits/relations.ts';
import { workerData } from 'node:worker_threads';
import type { ExitPlan } from '../engine/messages.ts';
import { ThreadLoop } from '../engine/threadLoop.ts';
import { ExitEngine } from './exitEngine.ts';

const plan = workerData as ExitPlan;
const loop = new ThreadLoop(plan.io, plan.keepAliveIdleS);
const engine = new ExitEngine({ plan, reactor: loop.reactor, makeAead: loop.makeAead, tell: loop.tell });
loop.run(
  (order) => engine.obey(order),
  () => engine.end(),
);
