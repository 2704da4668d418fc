// The scenarios, in the order in which they are listed and run.

import { beside } from './beside.ts';
import { bulk } from './bulk.ts';
import { churn } from './churn.ts';
import { coldStart } from './coldStart.ts';
import { idle } from './idle.ts';
import { longPath } from './longPath.ts';
import { mixed } from './mixed.ts';
import { openStreams } from './openStreams.ts';
import { pingPong } from './pingPong.ts';
import type { Scenario } from './scenario.ts';
import { slowLink } from './slowLink.ts';
import { stall } from './stall.ts';
import { workers } from './workers.ts';

export const SCENARIOS: readonly Scenario[] = [
  bulk,
  pingPong,
  churn,
  coldStart,
  openStreams,
  idle,
  stall,
  beside,
  longPath,
  slowLink,
  mixed,
  workers,
];
