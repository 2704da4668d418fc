// The last ten minutes of every node, and of all together, in steps of a few seconds, in memory only. Pure: time is an argument.

import { HISTORY } from '../../limits/owner.ts';
import { ALL_NODES, type Figures, type Sample } from './rollup.ts';

const { recentStepMs: STEP_MS, recentSteps: STEPS } = HISTORY;
/** downBytes, upBytes, succeeded, failed, streams. */
const FIELDS = 5;

interface Ring {
  readonly numbers: Float64Array;
  lastStep: number;
}

export interface RecentPoint extends Readonly<Figures> {
  readonly atMs: number;
}

export class RecentTraffic {
  /** The ring used last is the last. */
  readonly #rings = new Map<string, Ring>();
  readonly #nodesMax: number;
  /** Wall clock minus running clock, in milliseconds; small corrections of the wall clock don't move the steps. */
  #offsetMs: number | null = null;

  constructor(nodesMax: number = HISTORY.recentNodesMax) {
    this.#nodesMax = nodesMax;
  }

  /** @param nowMs on a clock that nobody sets back */
  feed(nowMs: number, samples: readonly Sample[]): void {
    const step = Math.floor(nowMs / STEP_MS);
    let streams = 0;
    for (const sample of samples) {
      const { nodeId, downBytes, upBytes, succeeded, failed } = sample;
      streams += sample.streams;
      if (downBytes + upBytes + succeeded + failed + sample.streams === 0) continue;
      record(this.#ring(nodeId, step), step, sample, sample.streams);
    }
    if (streams > 0 || samples.length > 0) {
      const all = this.#ring(ALL_NODES, step);
      for (const sample of samples) record(all, step, sample, streams);
    }
  }

  /** STEPS points, the oldest first; the last is the step under way. */
  points(nodeId: string, nowMs: number, wallMs: number): RecentPoint[] {
    const offsetMs = this.#offset(wallMs - nowMs);
    const last = Math.floor(nowMs / STEP_MS);
    const ring = this.#rings.get(nodeId);
    const points: RecentPoint[] = [];
    for (let step = last - STEPS + 1; step <= last; step++) {
      // When it really began: whoever looks must know how much of the last one has passed.
      const atMs = Math.round(offsetMs + step * STEP_MS);
      const at = slotOf(step);
      // Older than all that the ring holds, or not reached yet.
      const isHeld = ring !== undefined && step <= ring.lastStep && step > ring.lastStep - STEPS;
      const number = (field: number) => (isHeld ? ring.numbers[at + field]! : 0);
      points.push({
        atMs,
        downBytes: number(0),
        upBytes: number(1),
        succeeded: number(2),
        failed: number(3),
        streams: number(4),
      });
    }
    return points;
  }

  #offset(offsetMs: number): number {
    if (this.#offsetMs === null || Math.abs(offsetMs - this.#offsetMs) > STEP_MS / 2)
      this.#offsetMs = offsetMs;
    return this.#offsetMs;
  }

  #ring(nodeId: string, step: number): Ring {
    let ring = this.#rings.get(nodeId);
    if (ring === undefined) {
      ring = this.#emptyRing(step);
      this.#rings.set(nodeId, ring);
      return ring;
    }
    if (ring.lastStep === step) return ring;
    this.#rings.delete(nodeId);
    this.#rings.set(nodeId, ring);
    for (let passed = Math.max(ring.lastStep + 1, step - STEPS + 1); passed <= step; passed++) {
      ring.numbers.fill(0, slotOf(passed), slotOf(passed) + FIELDS);
    }
    ring.lastStep = step;
    return ring;
  }

  /** Once there are enough, that of the node that was idle longest: a larger fleet would throw away megabytes a second. */
  #emptyRing(step: number): Ring {
    if (this.#rings.size >= this.#nodesMax) {
      for (const [nodeId, ring] of this.#rings) {
        if (nodeId === ALL_NODES) continue;
        this.#rings.delete(nodeId);
        ring.numbers.fill(0);
        ring.lastStep = step;
        return ring;
      }
    }
    return { numbers: new Float64Array(STEPS * FIELDS), lastStep: step };
  }
}

function slotOf(step: number): number {
  return (((step % STEPS) + STEPS) % STEPS) * FIELDS;
}

function record({ numbers }: Ring, step: number, sample: Sample, streams: number): void {
  const at = slotOf(step);
  numbers[at]! += sample.downBytes;
  numbers[at + 1]! += sample.upBytes;
  numbers[at + 2]! += sample.succeeded;
  numbers[at + 3]! += sample.failed;
  if (streams > numbers[at + 4]!) numbers[at + 4] = streams;
}
