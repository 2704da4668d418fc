// The store while no hub runs. Called by pair, nodes and users after the control socket found nobody.

import type { Store } from '../../hub/store/store.ts';

/** Closes the store whatever happens. It is imported only now: with a hub that runs, no command waits for it. */
export async function withStore<T>(dataDir: string, work: (store: Store) => T): Promise<T> {
  const { Store } = await import('../../hub/store/store.ts');
  const store = new Store(dataDir);
  try {
    return work(store);
  } finally {
    store.close();
  }
}
