// Preloaded into hubs and nodes by the soak: on SIGUSR2 the main thread collects its garbage and writes what its heap holds to a file.

const { isMainThread } = require('node:worker_threads');
const { writeFileSync } = require('node:fs');
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');

const file = process.env.RESTUNNEL_HEAP_REPORT;
if (isMainThread && file) {
  process.on('SIGUSR2', () => {
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    writeFileSync(`${file}.${process.pid}`, String(process.memoryUsage().heapUsed));
  });
}
