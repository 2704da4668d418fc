// The module that the store's thread runs: it owns the database, and may wait for the disk as long as that takes.

import '../../limits/relations.ts';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { collectGarbage } from '../../base/collectGarbage.ts';
import { MEMORY } from '../../limits/engine.ts';
import { type HubState, openHubState } from './hubState.ts';
import { type JobInput, runJob, type StoreJob } from './storeJobs.ts';
import { type FromStore, type StorePlan, sentError, type ToStore } from './storeMessages.ts';

serve(parentPort!, workerData as StorePlan);

function serve(port: MessagePort, plan: StorePlan): void {
  const tell = (message: FromStore) => port.postMessage(message);
  let state: HubState;
  try {
    state = openHubState(plan);
  } catch (error) {
    tell({ type: 'notOpened', error: sentError(error) });
    return;
  }
  const { store } = state;

  const answer = async (number: number, work: () => unknown): Promise<void> => {
    try {
      const result = await work();
      tell({ type: 'done', number, result, error: null, unwritable: store.unwritable });
    } catch (error) {
      const sent = sentError(error);
      tell({ type: 'done', number, result: null, error: sent, unwritable: store.unwritable });
    }
  };
  const keep = () => {
    state.keep((reason) => tell({ type: 'trouble', reason }));
    return state.remarks;
  };

  port.on('message', (message: ToStore) => {
    switch (message.type) {
      case 'job':
        void answer(message.number, () => runJob(store, message.job, message.input as JobInput<StoreJob>));
        return;
      case 'keep':
        void answer(message.number, keep);
        return;
      case 'stop':
        store.close();
        port.close();
        return;
    }
  });
  tell({ type: 'opened' });
  for (const afterMs of MEMORY.giveBackAfterMs) setTimeout(collectGarbage, afterMs).unref();
}
