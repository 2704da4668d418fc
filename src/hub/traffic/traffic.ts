// The counters that the engine threads share, read once a second: what each node moved and how its connects went, since the last sample
// and since the hub started.

import type { FailureName } from '../../model/failures.ts';
import type { ConnectFigures, DatagramFigures } from '../../model/fleet.ts';
import { CONNECT_TIME_BOUNDS_MS, percentiles } from '../../ring/connectTimes.ts';
import { causeIndex, FAILURE_CAUSES } from '../../ring/failureCauses.ts';
import { DATAGRAM_COUNTS, type SessionSlots, type ThreadSlots } from '../../ring/slots.ts';
import type { HubSession } from '../sessions/sessionTable.ts';
import type { Sample } from './rollup.ts';

export interface Rates {
  readonly downBytesPerSecond: number;
  readonly upBytesPerSecond: number;
}

const NO_RATES: Rates = { downBytesPerSecond: 0, upBytesPerSecond: 0 };

const TIMES = CONNECT_TIME_BOUNDS_MS.length;

/** Connects since the hub started. */
class Connects {
  succeeded = 0;
  failed = 0;
  readonly failures = new Float64Array(FAILURE_CAUSES.length);
  readonly times = new Float64Array(TIMES);

  figures(since: string): ConnectFigures {
    const failures: Partial<Record<FailureName, number>> = {};
    for (const cause of FAILURE_CAUSES) {
      const count = this.failures[causeIndex(cause)]!;
      if (count > 0) failures[cause] = count;
    }
    const { succeeded, failed } = this;
    return { since, succeeded, failed, failures, connectMs: percentiles(this.times) };
  }
}

/** What was read of a session last. */
interface Reading {
  readonly session: HubSession;
  readonly meter: Meter;
  /** SessionSlots.changes() and openedStreams(): while they are the same, so is all else. */
  changes: number;
  opened: number;
  streams: number;
  sentBytes: number;
  receivedBytes: number;
  succeeded: number;
  readonly failures: Uint32Array;
  readonly times: Uint32Array;
  readonly datagrams: Uint32Array;
}

/** A node: since the last sample, and since the hub started. */
class Meter {
  readonly nodeId: string;
  readonly connects = new Connects();
  downBytes = 0;
  upBytes = 0;
  succeeded = 0;
  failed = 0;
  /** Open now. */
  streams = 0;
  rates: Rates = NO_RATES;

  constructor(nodeId: string) {
    this.nodeId = nodeId;
  }

  /** What it did since the last sample; begins the next. */
  sample(): Sample {
    const { nodeId, downBytes, upBytes, succeeded, failed, streams } = this;
    this.downBytes = 0;
    this.upBytes = 0;
    this.succeeded = 0;
    this.failed = 0;
    return { nodeId, downBytes, upBytes, succeeded, failed, streams };
  }
}

export class Traffic {
  readonly #slots: SessionSlots;
  readonly #threads: readonly ThreadSlots[];
  readonly #since: string;
  readonly #meters = new Map<string, Meter>();
  /** Those that did something at the last sample or since, or have streams. */
  readonly #active = new Set<Meter>();
  /** By the index of the session. */
  readonly #readings: (Reading | undefined)[] = [];
  /** Failures that belong to no session: by cause, summed over the threads. */
  readonly #threadFailures: Uint32Array[];
  readonly #all = new Connects();
  readonly #times = new Uint32Array(TIMES);
  /** Since the hub started, and a session's. */
  readonly #datagrams = new Float64Array(DATAGRAM_COUNTS);
  readonly #datagramsOf = new Uint32Array(DATAGRAM_COUNTS);
  #sampledMs: number;
  #last = { succeeded: 0, failed: 0 };
  rates: Rates = NO_RATES;
  connectsPerSecond = 0;
  failuresPerSecond = 0;
  streams = 0;

  /** @param nowMs on a clock that nobody sets back */
  constructor(slots: SessionSlots, threads: readonly ThreadSlots[], nowMs: number, since: string) {
    this.#slots = slots;
    this.#threads = threads;
    this.#threadFailures = threads.map(() => new Uint32Array(FAILURE_CAUSES.length));
    this.#since = since;
    this.#sampledMs = nowMs;
  }

  /** One for each node that did something since the last call, or just before it, or has streams. */
  sample(sessions: Iterable<HubSession>, nowMs: number): Sample[] {
    const seconds = Math.max(1, nowMs - this.#sampledMs) / 1_000;
    this.#sampledMs = nowMs;
    for (const session of sessions) if (session.up) this.#read(session);
    this.#readThreads();
    let [downBytes, upBytes, streams] = [0, 0, 0];
    const samples: Sample[] = [];
    for (const meter of this.#active) {
      const sample = meter.sample();
      samples.push(sample);
      downBytes += sample.downBytes;
      upBytes += sample.upBytes;
      streams += sample.streams;
      meter.rates = ratesOf(sample.downBytes, sample.upBytes, seconds);
      if (meter.rates === NO_RATES && sample.streams === 0) this.#active.delete(meter);
    }
    this.rates = ratesOf(downBytes, upBytes, seconds);
    this.streams = streams;
    const { succeeded, failed } = this.#all;
    const failedNow = failed - this.#last.failed;
    this.connectsPerSecond = (succeeded - this.#last.succeeded + failedNow) / seconds;
    this.failuresPerSecond = failedNow / seconds;
    this.#last = { succeeded, failed };
    return samples;
  }

  /** The session is over: what it did after the last sample counts with the next. */
  ended(session: HubSession): void {
    if (!session.up) return;
    this.#read(session);
    const { meter, streams } = this.#readings[session.index]!;
    meter.streams -= streams;
    this.#readings[session.index] = undefined;
  }

  ratesOf(nodeId: string): Rates {
    return this.#meters.get(nodeId)?.rates ?? NO_RATES;
  }

  connectsOf(nodeId: string): ConnectFigures {
    return (this.#meters.get(nodeId)?.connects ?? new Connects()).figures(this.#since);
  }

  /** Of all nodes, and of clients that came to none. */
  connects(): ConnectFigures {
    return this.#all.figures(this.#since);
  }

  /** Of all nodes, since the hub started. */
  datagrams(): DatagramFigures {
    const all = this.#datagrams;
    return { up: all[0]!, down: all[1]!, dropped: all[2]! };
  }

  #read(session: HubSession): void {
    const slots = this.#slots;
    const { index } = session;
    // Before all else, so that what comes meanwhile is read the next time.
    const changes = slots.changes(index);
    const opened = slots.openedStreams(index);
    let last = this.#readings[index];
    if (last?.session !== session) {
      last = this.#firstReading(session);
      this.#readings[index] = last;
    } else if (last.changes === changes && last.opened === opened) return;
    last.changes = changes;
    last.opened = opened;
    const { meter } = last;
    this.#active.add(meter);
    const sentBytes = slots.sentBytes(index);
    const receivedBytes = slots.receivedBytes(index);
    meter.upBytes += Math.max(0, sentBytes - last.sentBytes);
    meter.downBytes += Math.max(0, receivedBytes - last.receivedBytes);
    last.sentBytes = sentBytes;
    last.receivedBytes = receivedBytes;
    slots.datagrams(index, this.#datagramsOf);
    for (let which = 0; which < DATAGRAM_COUNTS; which++) {
      this.#datagrams[which]! += (this.#datagramsOf[which]! - last.datagrams[which]!) >>> 0;
      last.datagrams[which] = this.#datagramsOf[which]!;
    }
    const streams = slots.load(index);
    meter.streams += streams - last.streams;
    last.streams = streams;
    for (let at = 0; at < FAILURE_CAUSES.length; at++) {
      const failed = slots.failedAt(index, at);
      const more = (failed - last.failures[at]!) >>> 0;
      if (more === 0) continue;
      last.failures[at] = failed;
      meter.failed += more;
      this.#countFailed(meter.connects, at, more);
      this.#countFailed(this.#all, at, more);
    }
    const succeeded = slots.succeeded(index);
    const more = (succeeded - last.succeeded) >>> 0;
    if (more === 0) return;
    last.succeeded = succeeded;
    meter.succeeded += more;
    meter.connects.succeeded += more;
    this.#all.succeeded += more;
    this.#readTimes(index, last, meter.connects);
  }

  #firstReading(session: HubSession): Reading {
    return {
      session,
      meter: this.#meter(session.nodeId),
      changes: 0,
      opened: 0,
      streams: 0,
      sentBytes: 0,
      receivedBytes: 0,
      succeeded: 0,
      failures: new Uint32Array(FAILURE_CAUSES.length),
      times: new Uint32Array(TIMES),
      datagrams: new Uint32Array(DATAGRAM_COUNTS),
    };
  }

  #readTimes(index: number, last: Reading, connects: Connects): void {
    const times = this.#times;
    this.#slots.connectTimes(index, times);
    for (let bucket = 0; bucket < TIMES; bucket++) {
      const more = (times[bucket]! - last.times[bucket]!) >>> 0;
      connects.times[bucket]! += more;
      this.#all.times[bucket]! += more;
      last.times[bucket] = times[bucket]!;
    }
  }

  #readThreads(): void {
    for (let thread = 0; thread < this.#threads.length; thread++) {
      const last = this.#threadFailures[thread]!;
      for (let at = 0; at < FAILURE_CAUSES.length; at++) {
        const failed = this.#threads[thread]!.failed(FAILURE_CAUSES[at]!);
        const more = (failed - last[at]!) >>> 0;
        if (more === 0) continue;
        last[at] = failed;
        this.#countFailed(this.#all, at, more);
      }
    }
  }

  #countFailed(connects: Connects, cause: number, more: number): void {
    connects.failed += more;
    connects.failures[cause]! += more;
  }

  #meter(nodeId: string): Meter {
    let meter = this.#meters.get(nodeId);
    if (meter === undefined) {
      meter = new Meter(nodeId);
      this.#meters.set(nodeId, meter);
    }
    return meter;
  }
}

function ratesOf(downBytes: number, upBytes: number, seconds: number): Rates {
  if (downBytes === 0 && upBytes === 0) return NO_RATES;
  return {
    downBytesPerSecond: Math.round(downBytes / seconds),
    upBytesPerSecond: Math.round(upBytes / seconds),
  };
}
