// Workers: bulk through one exit node, and through two of them at once on one and on two worker threads of the hub.

import { bulkCase } from './bulk.ts';
import { numbersOf, type Scenario, sizeOf } from './scenario.ts';

export const workers: Scenario = {
  name: 'workers',
  about: 'CPU per gigabyte when the hub has one exit node or two, on one worker thread or two',
  options: [
    { name: 'streams', about: 'downloads at once', value: '16' },
    { name: 'bytes', about: 'bytes in all', value: '1G' },
  ],
  peers: ['restunnel'],
  variants: [
    { workers: 0, nodes: 1 },
    { workers: 1, nodes: 1 },
    { workers: 1, nodes: 2 },
    { workers: 2, nodes: 2 },
  ],
  rounds: 3,
  cases: (settings) =>
    numbersOf(settings.streams!).map((streams) => bulkCase(streams, 'down', sizeOf(settings.bytes!))),
};
