// A hub that cannot be put together lets go of its store.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { expect, test } from 'vitest';
import { withDefaults } from '../../src/boot/bootOptions.ts';
import { Hub } from '../../src/hub/hub.ts';
import { Store } from '../../src/hub/store/store.ts';

test('a part that fails closes what was opened before it', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'restunnel-open-'));
  try {
    const store = new Store(dataDir);
    store.database.exec(
      `INSERT INTO node_settings (node_id, tags, paused) VALUES ('0011223344556677', 'no JSON', 0)`,
    );
    store.close();
    const options = withDefaults({ dataDir, log: pino({ level: 'silent' }) });
    await expect(Hub.open(options)).rejects.toThrow(/JSON/);
    new Store(dataDir, { waitMs: 0 }).close();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
