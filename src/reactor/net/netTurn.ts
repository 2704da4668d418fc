// The turn of a net reactor, in node's own event loop: the first callback begins it, and a setImmediate ends it, when the loop has
// delivered what it had. The end of a turn: answers owed, ready connections, timers, doorbell, turn-end handlers.

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { ENGINE } from '../../limits/engine.ts';
import { Answers } from '../answers.ts';
import { Faults } from '../faults.ts';
import type { Doorbell, DoorbellHandler, TimerHandler, TimerId, TurnHandler } from '../reactor.ts';
import { TimerWheel } from '../timers.ts';

export class NetTurn {
  nowMs = performance.now();
  readonly #handleReady: () => void;
  readonly #timers = new TimerWheel(this.nowMs, ENGINE.timerTickMs);
  readonly #answers = new Answers();
  readonly #faults = new Faults();
  readonly #turnHandlers: TurnHandler[] = [];
  readonly #doorbellHandlers: DoorbellHandler[] = [];
  readonly #ports: MessagePort[] = [];
  #rang = false;
  /** Wakes the loop for the next timer. */
  #alarm: NodeJS.Timeout | null = null;
  #alarmAtMs = 0;
  /** Ends the turn that is going on. */
  #end: NodeJS.Immediate | null = null;
  #isEnding = false;
  #goOn = false;
  #keepAlive: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(handleReady: () => void) {
    this.#handleReady = handleReady;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Begins a turn unless one is going on. */
  enter(): void {
    if (this.#end !== null || this.#stopped) return;
    this.nowMs = performance.now();
    this.#end = setImmediate(() => this.#endTurn());
  }

  /** Work waits for the end of the turn; if that has begun, for another turn. */
  enterForWork(): void {
    if (this.#isEnding) this.#goOn = true;
    else this.enter();
  }

  /** Every call of a handler goes through here, so that one that throws stops nothing else. False when it threw. */
  call(callback: () => void): boolean {
    if (this.#stopped) return true;
    this.enter();
    try {
      callback();
      return true;
    } catch (error) {
      this.#faults.report(error);
      return false;
    }
  }

  /** Calls `answer` at the end of a later turn. It calls handlers through call(). */
  answerLater(answer: () => void): void {
    this.#answers.owe(answer);
    this.enterForWork();
  }

  setTimer(delayMs: number, handler: TimerHandler, tag: number): TimerId {
    const id = this.#timers.set(performance.now(), delayMs, handler, tag);
    // The end of the turn sets the alarm.
    this.enter();
    return id;
  }

  clearTimer(timer: TimerId): void {
    this.#timers.clear(timer);
  }

  onTurnEnd(handler: TurnHandler): void {
    this.#turnHandlers.push(handler);
  }

  /** A new one for each thread that rings it: a port belongs to one thread. */
  newDoorbell(): Doorbell {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', () => {
      this.#rang = true;
      this.enter();
    });
    if (this.#stopped) port1.close();
    else this.#ports.push(port1);
    return { kind: 'port', port: port2 };
  }

  onDoorbell(handler: DoorbellHandler): void {
    this.#doorbellHandlers.push(handler);
  }

  onFault(report: (error: unknown) => void): void {
    this.#faults.reportTo(report);
  }

  #endTurn(): void {
    this.nowMs = performance.now();
    this.#isEnding = true;
    this.#goOn = false;
    for (const answer of this.#answers.take()) answer();
    this.#handleReady();
    this.#timers.expire(this.nowMs);
    while (this.#timers.hasDue && !this.#stopped) this.call(() => this.#timers.fireNext());
    if (this.#rang) {
      this.#rang = false;
      for (const handler of this.#doorbellHandlers) this.call(() => handler.onDoorbell());
    }
    for (const handler of this.#turnHandlers) this.call(() => handler.onTurnEnd());
    this.#isEnding = false;
    this.#end = null;
    if (this.#stopped) return;
    if (this.#goOn) this.enter();
    this.#setAlarm();
  }

  #setAlarm(): void {
    if (this.#timers.count === 0) return;
    const nowMs = performance.now();
    const delayMs = this.#timers.nextDelayMs(nowMs, ENGINE.pollMaxMs);
    if (this.#alarm !== null && this.#alarmAtMs <= nowMs + delayMs) return;
    if (this.#alarm !== null) clearTimeout(this.#alarm);
    this.#alarmAtMs = nowMs + delayMs;
    this.#alarm = setTimeout(() => {
      this.#alarm = null;
      this.enter();
    }, delayMs);
  }

  /** Keeps the thread alive until stop(), whatever else there is to wait for. */
  run(): void {
    if (this.#stopped) return;
    this.#keepAlive = setInterval(() => {}, KEEP_ALIVE_MS);
    this.enter();
  }

  /** No handler is called any more. */
  stop(): void {
    this.#stopped = true;
    this.#answers.clear();
    this.#timers.clearAll();
    for (const port of this.#ports) port.close();
    if (this.#alarm !== null) clearTimeout(this.#alarm);
    if (this.#end !== null) clearImmediate(this.#end);
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive);
  }
}

const KEEP_ALIVE_MS = 2 ** 30;
