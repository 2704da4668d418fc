// What every engine thread has besides its role: a reactor, control's orders, which come with the doorbell, reports of faults, and a
// way to end.

import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import type { AeadFactory } from '../noise/aead.ts';
import { chooseAead } from '../noise/aeadProvider.ts';
import { createReactor } from '../reactor/create.ts';
import type { Reactor } from '../reactor/reactor.ts';
import type { FromEngine, Io, Order, ToEngine } from './messages.ts';

export class ThreadLoop {
  readonly reactor: Reactor;
  readonly makeAead: AeadFactory;
  readonly #port: MessagePort;

  constructor(io: Io, keepAliveIdleS?: number) {
    if (parentPort === null) throw new Error('an engine thread runs in a worker of control');
    this.#port = parentPort;
    const reactor = createReactor(io, keepAliveIdleS);
    this.reactor = reactor;
    this.makeAead = chooseAead((bytes) => reactor.slab(bytes)).make;
    this.reactor.onFault(this.fault);
  }

  readonly fault = (error: unknown): void => this.tell({ type: 'fault', error: textOf(error) });

  readonly tell = (message: FromEngine): void => {
    this.#port.postMessage(message);
  };

  /**
   * Runs the thread until a stop order. With the epoll reactor it returns only then.
   * @param end called before the reactor closes what is still open
   */
  run(obey: (order: Order) => void, end: () => void): void {
    const { reactor } = this;
    reactor.onDoorbell({ onDoorbell: () => this.#hear(obey, end) });
    const { doorbell } = reactor;
    this.#port.postMessage({ type: 'ready', doorbell }, doorbell.kind === 'port' ? [doorbell.port] : []);
    reactor.run();
    if (reactor.kind === 'epoll') this.#stopped();
  }

  #hear(obey: (order: Order) => void, end: () => void): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: ToEngine } | undefined;
      if (received === undefined) return;
      const { message } = received;
      if (message.type === 'ping') this.tell({ type: 'pong' });
      else if (message.type !== 'stop') obey(message);
      else {
        end();
        this.reactor.stop();
        if (this.reactor.kind === 'net') this.#stopped();
      }
    }
  }

  #stopped(): void {
    this.tell({ type: 'stopped' });
    this.#port.close();
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
