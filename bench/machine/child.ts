// Starting and ending the programs of a benchmark. Each is ended by its own process id, when the bench ends at the latest.

import { type ChildProcess, spawn } from 'node:child_process';

const STOP_MS = 15_000;
const OUTPUT_KEPT = 8_192;

export interface Child {
  readonly pid: number;
  readonly name: string;
  /** The end of what it printed. */
  output(): string;
  /** How many lines that were. */
  readonly printedLines: number;
  readonly exited: boolean;
  /** SIGTERM, then SIGKILL when it takes too long. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

export function startChild(
  name: string,
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Child {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
  let output = '';
  let printedLines = 0;
  const keep = (text: string): void => {
    printedLines += text.split('\n').length - 1;
    output = (output + text).slice(-OUTPUT_KEPT);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  let exited = false;
  running.add(child);
  const gone = new Promise<void>((resolve) => {
    const end = (text: string) => {
      keep(text);
      exited = true;
      running.delete(child);
      resolve();
    };
    child.on('error', (error) => end(`\n${error.message}`));
    child.on('close', (code, signal) => end(`\nended: ${signal ?? code}`));
  });
  return {
    get pid() {
      if (child.pid === undefined) throw new Error(`${name} could not be started: ${output}`);
      return child.pid;
    },
    name,
    output: () => output,
    get printedLines() {
      return printedLines;
    },
    get exited() {
      return exited;
    },
    async stop() {
      if (exited) return;
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await gone;
      clearTimeout(killer);
    },
  };
}

/** The same with `wrap` in front of the command; the child's pid is the program's all the same when what is in front execs. */
export function startWrapped(
  name: string,
  wrap: readonly string[],
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Child {
  const [first, ...rest] = [...wrap, program, ...args];
  return startChild(name, first!, rest, environment);
}

/** Asks every 20 ms until `probe` gives something else than null; throws after `timeoutMs`, or when the child has ended. */
export async function until<T>(
  what: string,
  child: Child | null,
  timeoutMs: number,
  probe: () => T | null | Promise<T | null>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== null) return found;
    if (child?.exited) throw new Error(`${child.name} ended before ${what}:\n${child.output()}`);
    if (performance.now() > deadline)
      throw new Error(`no sign of ${what} after ${timeoutMs} ms:\n${child?.output() ?? ''}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
