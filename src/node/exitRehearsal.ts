// A node's engine in a rehearsal: a hub asks for streams, and targets answer what it sends. Both are played here.

import type { ExitPlan, FromEngine } from '../engine/messages.ts';
import type { Stage } from '../engine/rehearsal.ts';
import { RehearsalPeer } from '../engine/rehearsalPeer.ts';
import { RehearsalReactor } from '../engine/rehearsalReactor.ts';
import {
  ANSWER,
  END,
  REHEARSAL_KEYS,
  REHEARSAL_TERMS,
  REQUEST,
  REQUESTS,
} from '../engine/rehearsalScript.ts';
import { ENGINE, REHEARSAL } from '../limits/engine.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { AeadFactory } from '../noise/aead.ts';
import type { PairedSockets } from '../reactor/epoll/pairedSockets.ts';
import { connectBytes, FRAME, writeConnect } from '../tunnel/frames.ts';
import { ExitEngine } from './exitEngine.ts';

const DIAL = 1;
const HOST = '127.0.0.1';
/** Passes the target policy; nothing is dialled. */
const PUBLIC = '1.1.1.1';
const PORT = 443;
const NAME = 'rehearsal.example';
const HOSTS = [NAME, HOST, PUBLIC] as const;
const NAME_TTL_MS = 60_000;
const SLOTS = 2 ** 16;

/** By the far end of its connection. */
interface Target {
  readonly fd: number;
  heard: number;
}

export class ExitRehearsal implements Stage {
  readonly #ground: RehearsalReactor;
  readonly #engine: ExitEngine;
  readonly #hub: RehearsalPeer;
  readonly #told: FromEngine[] = [];
  readonly #targets = new Set<Target>();
  #streams = 0;
  #ended = 0;

  constructor(makeAead: AeadFactory, onFault: (error: unknown) => void, sockets?: PairedSockets) {
    this.#ground = new RehearsalReactor(onFault, sockets);
    const { reactor } = this.#ground;
    const { libc } = this.#ground.sockets;
    const plan: ExitPlan = {
      ...this.#ground.plan,
      role: 'exit',
      allowTargets: ['127.0.0.0/8'],
      ownAddresses: [],
      hubs: 1,
      keepAliveIdleS: ENGINE.keepAliveIdleS,
    };
    const secure = () => {
      throw new Error('a rehearsal knows no TLS');
    };
    const tell = (message: FromEngine) => void this.#told.push(message);
    this.#engine = new ExitEngine({ plan, reactor, makeAead, secure, tell });
    const { down: sendKey, up: receiveKey } = REHEARSAL_KEYS;
    const onFrame = (type: number, id: number, payload: Uint8Array) => this.#hear(type, id, payload);
    this.#hub = new RehearsalPeer({ libc, reactor, makeAead, sendKey, receiveKey, onFrame });
  }

  open(): void {
    this.#dialHub();
    this.#engine.obey({
      type: 'session',
      dial: DIAL,
      index: 1,
      hub: 'rehearsal',
      sendKey: REHEARSAL_KEYS.up.slice(),
      receiveKey: REHEARSAL_KEYS.down.slice(),
      ...REHEARSAL_TERMS,
      observed: [],
      status: '{}',
    });
    this.#hub.say(FRAME.PING, 0, new Uint8Array(8));
    this.#turn();
  }

  #dialHub(): void {
    const { reactor, sockets } = this.#ground;
    const message1 = new Uint8Array(PROTOCOL.message1OverheadBytes);
    const order = { addresses: [HOST], port: PORT, via: null, web: null, message1 } as const;
    this.#engine.obey({ type: 'dial', dial: DIAL, ...order });
    reactor.runOnce();
    const fd = sockets.dialled.shift();
    if (fd === undefined) throw sockets.failure('a rehearsal has no tunnel');
    this.#hub.connect(fd);
    // Message 1, which nobody answers: the keys are known.
    if (sockets.receive(fd) <= 0) throw sockets.failure('a rehearsal has no tunnel');
  }

  serve(connections: number): void {
    this.#ground.sockets.exchange();
    const goal = this.#ended + connections;
    for (let nth = 0; nth < connections; nth++) this.#open(this.#streams++);
    for (let turn = 0; this.#ended < goal || this.#targets.size > 0; turn++) {
      if (turn > REHEARSAL.turnsMax)
        throw new Error(`${goal - this.#ended} connections of a rehearsal do not end`);
      this.#turn();
    }
    this.#turn();
  }

  #turn(): void {
    this.#hub.turn();
    this.#ground.reactor.runOnce();
    this.#answerLookups();
    for (const fd of this.#ground.sockets.dialled.splice(0)) this.#targets.add({ fd, heard: 0 });
    for (const target of this.#targets) this.#play(target);
  }

  #answerLookups(): void {
    for (const message of this.#told.splice(0)) {
      if (message.type !== 'lookup') continue;
      const { query } = message;
      const answer = { addresses: [PUBLIC], failure: 'nameNotFound', ttlMs: NAME_TTL_MS } as const;
      this.#engine.obey({ type: 'names', query, ...answer });
    }
  }

  // --- Targets -------------------------------------------------------------------------------------------------------------------

  #play(target: Target): void {
    const { sockets } = this.#ground;
    const taken = sockets.receive(target.fd);
    if (taken < 0) return;
    target.heard++;
    sockets.send(target.fd, ANSWER);
    if (target.heard < REQUESTS) return;
    sockets.close(target.fd);
    this.#targets.delete(target);
  }

  // --- The hub -------------------------------------------------------------------------------------------------------------------

  /** To names and addresses. An id is never used twice: its high half counts how often its slot was. */
  #open(nth: number): void {
    const slot = nth % REHEARSAL.connectionsAtOnceMax;
    const generation = 1 + Math.floor(nth / REHEARSAL.connectionsAtOnceMax);
    const host = HOSTS[nth % HOSTS.length]!;
    const payload = new Uint8Array(connectBytes(host));
    writeConnect(payload, 0, host, PORT);
    this.#hub.say(FRAME.CONNECT, generation * SLOTS + slot, payload);
  }

  #hear(type: number, id: number, payload: Uint8Array): void {
    const hub = this.#hub;
    switch (type) {
      case FRAME.PING:
        hub.say(FRAME.PONG, 0, payload.slice());
        return;
      case FRAME.CONNECT_OK:
      case FRAME.DATA:
        hub.say(FRAME.DATA, id, REQUEST);
        return;
      case FRAME.CONNECT_FAIL:
        throw this.#ground.sockets.failure('a stream of a rehearsal was refused');
      case FRAME.CLOSE:
        this.#ended++;
        hub.say(FRAME.CLOSE, id, END);
        return;
    }
  }

  end(): void {
    this.#engine.end();
    for (const { fd } of this.#targets) this.#ground.sockets.close(fd);
    this.#ground.end();
    this.#hub.end();
  }
}
