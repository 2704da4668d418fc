// New addresses: the question to the node, its answer or the end of its time, and the schedules by which nodes are asked. Called by
// ownerFleet.ts and, for what nodes answer, by hub.ts.

import { randomInt } from 'node:crypto';
import { UserError } from '../../base/userError.ts';
import { SETTINGS } from '../../limits/ownerBounds.ts';
import type { Rotation } from '../../model/fleet.ts';
import type { KnownNode } from './nodeSettings.ts';
import type { RotationAnswer } from './nodeStatus.ts';
import { isDue, parseSchedule } from './rotateSchedule.ts';

interface UnderWay {
  readonly request: number;
  readonly name: string;
  readonly oldAddress: string | null;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (rotation: Rotation) => void;
  readonly reject: (error: Error) => void;
}

export class Rotations {
  readonly #underWay = new Map<string, UnderWay>();
  /** By node: since when its schedule counts. */
  readonly #lastMs = new Map<string, { readonly schedule: string; readonly ms: number }>();
  /** A node may tell an old answer again after the hub has started anew. */
  #nextRequest = randomInt(1, 2 ** 31);

  isRotating(nodeId: string): boolean {
    return this.#underWay.has(nodeId);
  }

  /**
   * Asks, and waits for the answer. Rejects with UserError when the node has no new address, or says nothing in time.
   * @param send puts the question to the node, once it has drained; throws UserError when it cannot
   */
  ask(
    { stored: { id, name } }: KnownNode,
    oldAddress: string | null,
    drained: () => Promise<void>,
    send: (request: number) => void,
  ): Promise<Rotation> {
    if (this.#underWay.has(id)) throw new UserError(`${name} is asked for a new address already`);
    const request = this.#nextRequest++ >>> 0;
    const answer = new Promise<Rotation>((resolve, reject) => {
      const timer = setTimeout(() => {
        const seconds = SETTINGS.rotationTimeoutMs / 1_000;
        this.fail(id, `${name} did not say within ${seconds} s whether it has a new address`);
      }, SETTINGS.rotationTimeoutMs).unref();
      this.#underWay.set(id, { request, name, oldAddress, timer, resolve, reject });
    });
    drained()
      .then(() => {
        if (this.#underWay.get(id)?.request === request) send(request);
      })
      .catch((error: Error) => this.fail(id, error.message));
    return answer;
  }

  /** `address`: from where the node dials the hub now. */
  heard(nodeId: string, answer: RotationAnswer, address: string): void {
    const asked = this.#underWay.get(nodeId);
    if (asked === undefined || asked.request !== answer.request) return;
    if (!answer.ok) {
      this.fail(nodeId, `${asked.name} has no new address: ${answer.error ?? 'it did not say why'}`);
      return;
    }
    this.#end(nodeId, asked);
    const oldAddress = answer.oldAddress ?? asked.oldAddress;
    const { tookMs, newAddress } = answer;
    asked.resolve({ nodeId, oldAddress, newAddress: newAddress ?? address, tookMs });
  }

  fail(nodeId: string, why: string): void {
    const asked = this.#underWay.get(nodeId);
    if (asked === undefined) return;
    this.#end(nodeId, asked);
    asked.reject(new UserError(why));
  }

  /** Whether the node's schedule says that it is time; it counts as done then. */
  takeDue({ stored: { id }, settings: { rotateSchedule } }: KnownNode, nowMs: number): boolean {
    if (rotateSchedule === null) return false;
    const last = this.#lastMs.get(id);
    if (last?.schedule !== rotateSchedule) {
      this.#lastMs.set(id, { schedule: rotateSchedule, ms: nowMs });
      return false;
    }
    const schedule = parseSchedule(rotateSchedule);
    if (schedule === null || !isDue(schedule, last.ms, nowMs)) return false;
    this.#lastMs.set(id, { schedule: rotateSchedule, ms: nowMs });
    return true;
  }

  stop(): void {
    for (const nodeId of [...this.#underWay.keys()]) this.fail(nodeId, 'the hub is shutting down');
  }

  #end(nodeId: string, { timer }: UnderWay): void {
    clearTimeout(timer);
    this.#underWay.delete(nodeId);
  }
}
