#!/usr/bin/env node
// The command `restunnel`. Plain JavaScript that old Node versions can read: runs the command line in this process when Node is new
// enough, and otherwise in the Node that `npm install` brought.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { entryOf } from './program.js';
import { pinnedRuntime } from './runtime.js';

const OLDEST_MAJOR = 24;
/** A program that the system cannot load: its dynamic linker (or the shell) says why on stderr and exits like this. We never do. */
const EXIT_CANNOT_LOAD = 127;
/** How a process ends whose V8 finds no memory. */
const V8_GIVES_UP = ['SIGTRAP', 'SIGILL', 'SIGABRT', 'SIGSEGV'];
const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP'];

const here = fileURLToPath(import.meta.url);
const { path: entry, isSource } = entryOf(fileURLToPath(new URL('..', import.meta.url)));

hideLinks();
sizeThreadPool();
// Otherwise this signal would make Node open its inspector, to any program on this machine.
if (process.platform !== 'win32') process.on('SIGUSR1', () => {});
const addressSpaceMb = process.env.RESTUNNEL_LAUNCHED === '1' ? null : limitedAddressSpaceMb();
if (canRunHere() && addressSpaceMb === null) {
  delete process.env.RESTUNNEL_LAUNCHED;
  silenceExperimentalWarnings();
  await import(pathToFileURL(entry).href);
} else {
  const runtime =
    process.env.RESTUNNEL_LAUNCHED === '1' ? null : canRunHere() ? process.execPath : pinnedRuntime();
  if (runtime === null) {
    process.stderr.write(
      `restunnel: needs Node ${OLDEST_MAJOR} or newer and this is ${process.version}; ` +
        'run `npm install` with its optional packages to get one, or update Node\n',
    );
    process.exitCode = 1;
  } else {
    launch(runtime);
  }
}

/** What `ps` shows of us is everybody's to read, and a pairing link, or a proxy with a password, among the arguments is a secret. */
function hideLinks() {
  if (process.argv.some((word) => /restunnel(?:\+wss?)?:\/\/|:\/\/[^/]*@/i.test(word)))
    process.title = 'restunnel';
}

/**
 * Names that only getaddrinfo can resolve take a thread each, of half the pool. Linux seldom needs it (src/node/resolver.ts). libuv reads
 * the variable when the first thread starts.
 */
function sizeThreadPool() {
  process.env.UV_THREADPOOL_SIZE ??= process.platform === 'linux' ? '32' : '128';
}

function canRunHere() {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_MAJOR) return false;
  return !isSource || Boolean(process.features.typescript);
}

/**
 * V8 reserves address space that it never uses. Where it gets none (`ulimit -v`) it ends the process on the spot, so then somebody has to
 * be left who says why. null without a limit.
 */
function limitedAddressSpaceMb() {
  if (process.platform !== 'linux') return null;
  try {
    const bytes = /^Max address space +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return bytes === undefined ? null : Math.round(Number(bytes) / 2 ** 20);
  } catch {
    return null;
  }
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
  child.on('error', () => cannotRun(runtime));
  child.on('exit', (code, signal) => {
    if (code === EXIT_CANNOT_LOAD) cannotRun(runtime);
    if (signal === null) process.exit(code);
    if (addressSpaceMb !== null && V8_GIVES_UP.includes(signal)) {
      process.stderr.write(
        `restunnel: V8 found too little address space: ulimit -v allows ${addressSpaceMb} MB; lift it, and bound memory ` +
          'with MemoryMax= in the unit or docker run --memory\n',
      );
      process.exit(1);
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function cannotRun(runtime) {
  process.stderr.write(
    `restunnel: this machine cannot run ${runtime}; install Node ${OLDEST_MAJOR} or newer and start restunnel with that\n`,
  );
  process.exit(1);
}
