import pino from 'pino';
import { expect, test } from 'vitest';
import { BOOT_DEFAULTS, withDefaults } from '../../src/boot/bootOptions.ts';

const log = pino({ level: 'silent' });

test('what was chosen counts, the rest is as nobody chose it', () => {
  const socks = { host: '127.0.0.1', port: 0 };
  expect(withDefaults({ dataDir: '/d', log, socks, proxyHeaders: false, workers: 0 })).toEqual({
    ...BOOT_DEFAULTS,
    dataDir: '/d',
    log,
    socks,
    proxyHeaders: false,
    workers: 0,
  });
});

test('an option that is undefined was not chosen', () => {
  expect(withDefaults({ dataDir: '/d', log, tunnel: undefined, io: undefined })).toEqual({
    ...BOOT_DEFAULTS,
    dataDir: '/d',
    log,
  });
});
