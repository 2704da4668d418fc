// The store while no hub runs. Called by pair and nodes after the control socket found nobody.

import { Store } from '../control/store.ts';

/** Closes the store whatever happens. */
export function withStore<T>(dataDir: string, work: (store: Store) => T): T {
  const store = new Store(dataDir);
  try {
    return work(store);
  } finally {
    store.close();
  }
}
