// What processes have used: CPU time from the scheduler's own clock, memory from their status (proc(5)).

import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds of one tick of /proc/PID/stat: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_NANOS = 10_000_000;

export interface Usage {
  readonly processes: ReadonlyMap<number, ProcessUsage>;
  readonly rssBytes: number;
}

interface ProcessUsage {
  /** Of all threads, ended ones included, in ticks. */
  readonly tickNanos: number;
  /** By thread id. */
  readonly threads: ReadonlyMap<string, { readonly name: string; readonly nanos: number }>;
}

/** Of these processes together; one that is gone counts nothing. */
export function usageOf(pids: readonly number[]): Usage {
  const processes = new Map<number, ProcessUsage>();
  let rssBytes = 0;
  for (const pid of pids) {
    rssBytes += rssOf(pid);
    const threads = new Map<string, { name: string; nanos: number }>();
    for (const tid of list(`/proc/${pid}/task`)) {
      const folder = `/proc/${pid}/task/${tid}`;
      // First number: nanoseconds on a CPU (Documentation/scheduler/sched-stats.rst).
      const nanos = Number(read(`${folder}/schedstat`).split(' ')[0]);
      threads.set(tid, { name: read(`${folder}/comm`).trim(), nanos });
    }
    const stat = statOf(pid);
    // Fields 14 and 15, utime and stime; field 3 is the first here.
    processes.set(pid, { tickNanos: (Number(stat[11]) + Number(stat[12])) * TICK_NANOS, threads });
  }
  return { processes, rssBytes };
}

export interface Spent {
  readonly cpuMs: number;
  /** Threads that spent at least 1 ms, the busiest first. */
  readonly threads: readonly { readonly name: string; readonly cpuMs: number }[];
}

export function spentBetween(before: Usage, after: Usage): Spent {
  let nanos = 0;
  const threads: { name: string; cpuMs: number }[] = [];
  for (const [pid, process] of after.processes) {
    const earlier = before.processes.get(pid);
    let ofThreads = 0;
    for (const [tid, thread] of process.threads) {
      const spent = thread.nanos - (earlier?.threads.get(tid)?.nanos ?? 0);
      ofThreads += spent;
      if (spent >= 1e6) threads.push({ name: `${thread.name} ${pid}/${tid}`, cpuMs: spent / 1e6 });
    }
    const ofTicks = process.tickNanos - (earlier?.tickNanos ?? 0);
    // Threads that ended meanwhile are in the ticks only; otherwise the scheduler's clock is the finer one.
    nanos += ofTicks - ofThreads > 2 * TICK_NANOS ? ofTicks : ofThreads;
  }
  threads.sort((a, b) => b.cpuMs - a.cpuMs);
  return { cpuMs: nanos / 1e6, threads };
}

/** All processes whose ancestor `pid` is, itself included. */
export function familyOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of list('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(statOf(Number(entry))[1]);
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [Number(entry)]);
    else siblings.push(Number(entry));
  }
  const family = [pid];
  for (let i = 0; i < family.length; i++) family.push(...(children.get(family[i]!) ?? []));
  return family;
}

/** Fields of /proc/PID/stat from the third (state) on: the second is in parentheses and may hold anything. */
function statOf(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Without pages of files: of those a process has mapped what it ran lately, and they are everybody's. */
function rssOf(pid: number): number {
  const status = read(`/proc/${pid}/status`);
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return (kilobytes('VmRSS') - kilobytes('RssFile')) * 1_024;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
