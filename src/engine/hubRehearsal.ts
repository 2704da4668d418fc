// A hub's engine in a rehearsal: clients come by SOCKS5 and HTTP CONNECT, and a node answers what they send. Both are played here.

import { ENGINE, REHEARSAL } from '../limits/engine.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { AeadFactory } from '../noise/aead.ts';
import { OFFERED_CAPABILITIES } from '../noise/payload.ts';
import { closeDoorbell } from '../reactor/doorbell.ts';
import { EpollReactor } from '../reactor/epoll/epollReactor.ts';
import { PairedSockets } from '../reactor/epoll/pairedSockets.ts';
import { loadLibc } from '../reactor/libc.ts';
import { heldPlan } from '../ring/heldShare.ts';
import { makeSlots, SessionSlots, ThreadSlots, UserSlots } from '../ring/slots.ts';
import { CLOSE, FRAME } from '../tunnel/frames.ts';
import { NOBODY } from './doors.ts';
import { HubEngine } from './hubEngine.ts';
import type { FromEngine, FrontPlan } from './messages.ts';
import type { Stage } from './rehearsal.ts';
import { REHEARSAL_KEYS, RehearsalPeer } from './rehearsalPeer.ts';

const HELD_BYTES = 2 ** 24;
const SESSION = { index: 1, number: 1 } as const;
const LISTENERS = ['socks', 'http'] as const;
const HOST = '127.0.0.1';
const REQUEST = new Uint8Array(64).fill(7);
const ANSWER = new Uint8Array(512).fill(8);
/** Requests on each stream, the last of which the node answers with its end. */
const REQUESTS = 3;
const END = Uint8Array.of(CLOSE.END);

const GREETING = Uint8Array.of(5, 1, 0);
const NAME = Buffer.from('rehearsal.example');
const TO_NAME = Uint8Array.of(5, 1, 0, 3, NAME.length, ...NAME, 1, 187);
const TO_ADDRESS = Uint8Array.of(5, 1, 0, 1, 192, 0, 2, 1, 1, 187);
const HTTP_CONNECT = Buffer.from(
  'CONNECT rehearsal.example:443 HTTP/1.1\r\nHost: rehearsal.example:443\r\nProxy-Connection: Keep-Alive\r\n\r\n',
);

/** A client, as its far end sees it. */
interface Client {
  readonly fd: number;
  readonly opening: readonly Uint8Array[];
  /** Messages of the opening that were sent, then requests. */
  sent: number;
  isOver: boolean;
}

export class HubRehearsal implements Stage {
  readonly #sockets: PairedSockets;
  readonly #reactor: EpollReactor;
  readonly #engine: HubEngine;
  readonly #node: RehearsalPeer;
  readonly #told: FromEngine[] = [];
  /** By stream: requests that came. */
  readonly #heard = new Map<number, number>();
  #clients = 0;

  constructor(
    makeAead: AeadFactory,
    onFault: (error: unknown) => void,
    sockets: PairedSockets = new PairedSockets(loadLibc()),
  ) {
    const { libc } = sockets;
    const reactor = new EpollReactor(ENGINE.keepAliveIdleS, libc);
    reactor.onFault(onFault);
    const slots = makeSlots(1);
    const plan: FrontPlan = {
      role: 'front',
      io: 'epoll',
      thread: 0,
      slots,
      held: heldPlan(HELD_BYTES, 1),
      mac1Key: REHEARSAL_KEYS.up,
      trustedProxies: [],
      proxy: { askUser: false, proxyHeaders: false, showTargets: false },
      descriptorLimit: Number.POSITIVE_INFINITY,
      workers: [],
    };
    this.#sockets = sockets;
    this.#reactor = reactor;
    this.#engine = new HubEngine({
      plan,
      reactor,
      makeAead,
      slots: {
        sessions: new SessionSlots(slots),
        thread: new ThreadSlots(slots, 0),
        users: new UserSlots(slots, 0),
      },
      tell: (message) => this.#told.push(message),
    });
    for (const name of LISTENERS) this.#engine.obey({ type: 'listen', name, bind: { host: HOST, port: 0 } });
    const { ours, theirs } = sockets.pair();
    const { up, down } = REHEARSAL_KEYS;
    const terms = {
      initialWindowBytes: PROTOCOL.initialWindowBytes,
      capabilities: OFFERED_CAPABILITIES,
    };
    const keys = { sendKey: down.slice(), receiveKey: up.slice() };
    const conn = reactor.adopt(ours, NOBODY, 0);
    this.#engine.worker!.worker.adopt(SESSION.index, SESSION.number, conn, terms, keys);
    this.#node = new RehearsalPeer({
      ...{ libc, fd: theirs, reactor, makeAead, sendKey: up, receiveKey: down },
      onFrame: (type, id, payload) => this.#hear(type, id, payload),
    });
    this.#node.say(FRAME.STATUS, 0, Buffer.from('{}'));
    this.#turn();
    if (!this.#told.some(({ type }) => type === 'tunnelUp')) throw new Error('a rehearsal has no tunnel');
    this.#route();
    this.#turn();
  }

  #route(): void {
    const nodeId = 'rehearsal';
    this.#engine.obey({ type: 'route', ...SESSION, worker: 0, nodeId, speaksUdp: true });
    this.#engine.obey({ type: 'greet', ...SESSION });
  }

  serve(connections: number): void {
    this.#sockets.exchange();
    const clients = Array.from({ length: connections }, () => this.#arrive());
    let left = clients.length;
    for (let turn = 0; left > 0; turn++) {
      if (turn > REHEARSAL.turnsMax) throw new Error(`${left} connections of a rehearsal do not end`);
      this.#turn();
      for (const client of clients) if (!client.isOver && this.#play(client)) left--;
    }
    this.#turn();
    this.#told.length = 0;
  }

  #turn(): void {
    this.#node.turn();
    this.#reactor.runOnce();
  }

  // --- Clients -------------------------------------------------------------------------------------------------------------------

  #arrive(): Client {
    const nth = this.#clients++;
    const isHttp = nth % 4 === 3;
    const opening = isHttp ? [HTTP_CONNECT] : [GREETING, nth % 2 === 0 ? TO_ADDRESS : TO_NAME];
    const client = { fd: this.#sockets.arrive(isHttp ? 1 : 0), opening, sent: 0, isOver: false };
    this.#sendNext(client);
    return client;
  }

  /** Answers what has come; true when that was the end. */
  #play(client: Client): boolean {
    const taken = this.#sockets.receive(client.fd);
    if (taken < 0) return false;
    if (taken === 0) {
      this.#sockets.close(client.fd);
      client.isOver = true;
      if (client.sent < client.opening.length + REQUESTS) throw new Error('a rehearsal was refused');
      return true;
    }
    this.#sendNext(client);
    return false;
  }

  #sendNext(client: Client): void {
    const message = client.opening[client.sent];
    if (client.sent < client.opening.length + REQUESTS) this.#sockets.send(client.fd, message ?? REQUEST);
    client.sent++;
  }

  // --- The node ------------------------------------------------------------------------------------------------------------------

  #hear(type: number, id: number, payload: Uint8Array): void {
    const node = this.#node;
    if (type === FRAME.PING) node.say(FRAME.PONG, 0, payload.slice());
    else if (type === FRAME.CONNECT) {
      this.#heard.set(id, 0);
      node.say(FRAME.CONNECT_OK, id);
    } else if (type === FRAME.DATA) this.#answer(id);
  }

  #answer(id: number): void {
    const heard = (this.#heard.get(id) ?? 0) + 1;
    this.#heard.set(id, heard);
    this.#node.say(FRAME.DATA, id, ANSWER);
    if (heard < REQUESTS) return;
    this.#heard.delete(id);
    this.#node.say(FRAME.CLOSE, id, END);
  }

  end(): void {
    this.#engine.end();
    this.#reactor.stop();
    closeDoorbell(this.#reactor.doorbell);
    this.#node.end();
    this.#sockets.end();
  }
}
