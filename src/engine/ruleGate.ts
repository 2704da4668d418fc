// The owner's rules in force, and the local time that they go by: none until control has sent some. The clock is read once a second at most.

import { type CompiledRules, type Decision, Rules } from '../routing/rules.ts';

const MINUTE_GOOD_FOR_MS = 1_000;

export class RuleGate {
  #rules: Rules | null = null;
  #minuteOfDay = 0;
  #minuteReadMs = Number.NEGATIVE_INFINITY;

  set(rules: CompiledRules): void {
    this.#rules = new Rules(rules);
  }

  /** Rules name hosts, and an association has none to check: the front refuses it when there are rules. */
  get hasRules(): boolean {
    return this.#rules !== null;
  }

  /**
   * Rules.decide() for this minute; null when there are no rules.
   * @param nowMs of the reactor's clock
   */
  decide(user: string | null, host: string, port: number, nowMs: number): Decision | null {
    if (this.#rules === null) return null;
    if (nowMs - this.#minuteReadMs >= MINUTE_GOOD_FOR_MS) {
      const now = new Date();
      this.#minuteOfDay = now.getHours() * 60 + now.getMinutes();
      this.#minuteReadMs = nowMs;
    }
    return this.#rules.decide(user, host, port, this.#minuteOfDay);
  }
}
