// New addresses: the hub asks a node for one, waits for its answer, and knows by schedule when to ask again.

import { randomInt } from 'node:crypto';
import { Questions } from '../../base/questions.ts';
import { UserError } from '../../base/userError.ts';
import { CONTROL, SETTINGS } from '../../limits/owner.ts';
import type { Rotation } from '../../model/fleet.ts';
import type { KnownNode } from './nodeSettings.ts';
import type { RotationAnswer } from './nodeStatus.ts';
import { isDue, parseSchedule } from './rotateSchedule.ts';

interface Answer {
  readonly said: RotationAnswer;
  /** From where the node dials the hub now. */
  readonly address: string;
}

export class Rotations {
  readonly #questions = new Questions<Answer>({
    openMax: CONTROL.nodesMax,
    timeoutMs: SETTINGS.rotationTimeoutMs,
    tooBusy: 'too many nodes are asked for a new address at once',
    // A node may repeat an old answer after the hub has started anew.
    firstNumber: randomInt(1, 2 ** 31),
  });
  /** By node: the number of the question that it has not answered. */
  readonly #underWay = new Map<string, number>();
  /** By node: since when its schedule counts. */
  readonly #lastMs = new Map<string, { readonly schedule: string; readonly ms: number }>();

  isRotating(nodeId: string): boolean {
    return this.#underWay.has(nodeId);
  }

  /**
   * Asks, and waits for the answer. Rejects with UserError when the node has no new address, or says nothing in time.
   * @param drained resolves once the node may be asked
   * @param send puts the question to the node; throws UserError when it cannot
   */
  async ask(
    { stored: { id, name } }: KnownNode,
    oldAddress: string | null,
    drained: () => Promise<void>,
    send: (request: number) => void,
  ): Promise<Rotation> {
    if (this.#underWay.has(id)) throw new UserError(`${name} is already getting a new address`);
    const sendOnceDrained = (request: number) => {
      this.#underWay.set(id, request);
      drained()
        .then(() => {
          if (this.#questions.isOpen(request)) send(request);
        })
        .catch((error: Error) => this.#questions.fail(request, new UserError(error.message)));
    };
    const seconds = SETTINGS.rotationTimeoutMs / 1_000;
    const late = `${name} did not say within ${seconds} s whether it has a new address`;
    try {
      const [answer] = await this.#questions.promise(sendOnceDrained, { late });
      if (answer === undefined) throw new Error('a rotation is answered once');
      const { said, address } = answer;
      if (!said.ok) throw new UserError(`${name} got no new address: ${said.error ?? 'it did not say why'}`);
      return {
        nodeId: id,
        oldAddress: said.oldAddress ?? oldAddress,
        newAddress: said.newAddress ?? address,
        tookMs: said.tookMs,
      };
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** A node's STATUS tells of a rotation; `address`: from where it dials the hub now. */
  hear(nodeId: string, said: RotationAnswer, address: string): void {
    if (this.#underWay.get(nodeId) === said.request)
      this.#questions.answer(said.request, [{ said, address }]);
  }

  fail(nodeId: string, why: string): void {
    const request = this.#underWay.get(nodeId);
    if (request !== undefined) this.#questions.fail(request, new UserError(why));
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
    this.#questions.failAll(new UserError('the hub is shutting down'));
  }
}
