#!/usr/bin/env node
// The command `restunnel`. Plain JavaScript that old Node versions can read: runs the command line in this process when Node is new
// enough, and otherwise in the Node that is pinned in package.json (npm package `node`).

import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_MAJOR = 24;
/** npm ships `node` with an empty placeholder that its install script replaces by the real program. */
const RUNTIME_MIN_BYTES = 1_000_000;
const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP'];

const here = fileURLToPath(import.meta.url);
const source = new URL('../src/cli/main.ts', import.meta.url);
const compiled = new URL('../dist/src/cli/main.js', import.meta.url);
// A checkout has its source, the published package is compiled (type stripping stops at node_modules).
const fromSource = existsSync(source);

hideLinks();
if (canRunHere()) {
  delete process.env.RESTUNNEL_LAUNCHED;
  silenceExperimentalWarnings();
  await import((fromSource ? source : compiled).href);
} else {
  const runtime = process.env.RESTUNNEL_LAUNCHED === '1' ? null : pinnedRuntime();
  if (runtime === null) {
    process.stderr.write(
      `restunnel: needs Node ${OLDEST_MAJOR} or newer and this is ${process.version}; ` +
        'run `npm install` with its install scripts allowed to get the pinned one, or update Node\n',
    );
    process.exitCode = 1;
  } else {
    launch(runtime);
  }
}

/** What `ps` shows of us is everybody's to read, and a pairing link among the arguments holds a secret. */
function hideLinks() {
  if (process.argv.some((word) => /restunnel:\/\//i.test(word))) process.title = 'restunnel';
}

function canRunHere() {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_MAJOR) return false;
  return !fromSource || Boolean(process.features.typescript);
}

/** Type stripping and node:sqlite are experimental in some of the supported versions; their owner knows, users need not. */
function silenceExperimentalWarnings() {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === 'object' && rest[0] !== null ? rest[0].type : rest[0];
    const name = warning instanceof Error ? warning.name : type;
    if (name !== 'ExperimentalWarning') emitWarning.call(process, warning, ...rest);
  };
}

/** The program of the npm package `node`, here or hoisted; null when it is absent or its install script did not run. */
function pinnedRuntime() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const program = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return statSync(program).size >= RUNTIME_MIN_BYTES ? program : null;
  } catch {
    return null;
  }
}

/**
 * The same command in another Node. Signals travel over the IPC channel (src/cli/process/launcher.ts tells them from those that a
 * terminal or a service manager sent to both processes), and the channel's end tells it that this process was killed.
 */
function launch(runtime) {
  const child = spawn(
    runtime,
    [...process.execArgv, '--disable-warning=ExperimentalWarning', here, ...process.argv.slice(2)],
    { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env: { ...process.env, RESTUNNEL_LAUNCHED: '1' } },
  );
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (child.connected) child.send({ restunnelSignal: signal }, () => {});
      else child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`restunnel: cannot run ${runtime}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
