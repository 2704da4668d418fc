// The scenarios, in the order in which they are listed and run. Used by run.ts.

import { bulk } from './bulk.ts';
import { churn } from './churn.ts';
import { pingPong } from './pingPong.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: readonly Scenario[] = [bulk, pingPong, churn];
