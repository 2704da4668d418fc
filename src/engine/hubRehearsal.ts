// A hub's engine in a rehearsal: clients come by SOCKS5 and HTTP CONNECT, and a node answers what they send. Both are played here.

import { REHEARSAL } from '../limits/engine.ts';
import type { AeadFactory } from '../noise/aead.ts';
import type { PairedSockets } from '../reactor/epoll/pairedSockets.ts';
import { SessionSlots, ThreadSlots, UserSlots } from '../ring/slots.ts';
import { FRAME } from '../tunnel/frames.ts';
import { NOBODY } from './doors.ts';
import { HubEngine } from './hubEngine.ts';
import type { FromEngine, FrontPlan } from './messages.ts';
import type { Stage } from './rehearsal.ts';
import { RehearsalPeer } from './rehearsalPeer.ts';
import { RehearsalReactor } from './rehearsalReactor.ts';
import { ANSWER, END, REHEARSAL_KEYS, REHEARSAL_TERMS, REQUEST, REQUESTS } from './rehearsalScript.ts';

const SESSION = { index: 1, number: 1 } as const;
const LISTENERS = ['socks', 'http'] as const;
const HOST = '127.0.0.1';

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
}

export class HubRehearsal implements Stage {
  readonly #ground: RehearsalReactor;
  readonly #engine: HubEngine;
  readonly #node: RehearsalPeer;
  readonly #told: FromEngine[] = [];
  /** By stream: requests that came. */
  readonly #heard = new Map<number, number>();
  readonly #clients = new Set<Client>();
  #arrived = 0;

  constructor(makeAead: AeadFactory, onFault: (error: unknown) => void, sockets?: PairedSockets) {
    this.#ground = new RehearsalReactor(onFault, sockets);
    const { reactor } = this.#ground;
    const { libc } = this.#ground.sockets;
    const plan: FrontPlan = {
      ...this.#ground.plan,
      role: 'front',
      mac1Key: REHEARSAL_KEYS.up,
      trustedProxies: [],
      proxy: { askUser: false, proxyHeaders: false, showTargets: false },
      workers: [],
    };
    this.#engine = new HubEngine({
      plan,
      reactor,
      makeAead,
      slots: {
        sessions: new SessionSlots(plan.slots),
        thread: new ThreadSlots(plan.slots, 0),
        users: new UserSlots(plan.slots, 0),
      },
      tell: (message) => this.#told.push(message),
    });
    const { up: sendKey, down: receiveKey } = REHEARSAL_KEYS;
    const onFrame = (type: number, id: number, payload: Uint8Array) => this.#hear(type, id, payload);
    this.#node = new RehearsalPeer({ libc, reactor, makeAead, sendKey, receiveKey, onFrame });
  }

  open(): void {
    for (const name of LISTENERS) this.#engine.obey({ type: 'listen', name, bind: { host: HOST, port: 0 } });
    const { reactor, sockets } = this.#ground;
    const { ours, theirs } = sockets.pair();
    this.#node.connect(theirs);
    const conn = reactor.adopt(ours, NOBODY, 0);
    const { up, down } = REHEARSAL_KEYS;
    const keys = { sendKey: down.slice(), receiveKey: up.slice() };
    this.#engine.worker!.worker.adopt(SESSION.index, SESSION.number, conn, REHEARSAL_TERMS, keys);
    this.#node.say(FRAME.STATUS, 0, Buffer.from('{}'));
    this.#turn();
    if (!this.#told.some(({ type }) => type === 'tunnelUp'))
      throw sockets.failure('a rehearsal has no tunnel');
    this.#route();
    this.#turn();
  }

  #route(): void {
    const nodeId = 'rehearsal';
    this.#engine.obey({ type: 'route', ...SESSION, worker: 0, nodeId, speaksUdp: true });
    this.#engine.obey({ type: 'greet', ...SESSION });
  }

  serve(connections: number): void {
    this.#ground.sockets.exchange();
    for (let nth = 0; nth < connections; nth++) this.#arrive();
    const clients = this.#clients;
    for (let turn = 0; clients.size > 0; turn++) {
      if (turn > REHEARSAL.turnsMax) throw new Error(`${clients.size} connections of a rehearsal do not end`);
      this.#turn();
      for (const client of clients) this.#play(client);
    }
    this.#turn();
    this.#told.length = 0;
  }

  #turn(): void {
    this.#node.turn();
    this.#ground.reactor.runOnce();
  }

  // --- Clients -------------------------------------------------------------------------------------------------------------------

  #arrive(): void {
    const nth = this.#arrived++;
    const isHttp = nth % 4 === 3;
    const opening = isHttp ? [HTTP_CONNECT] : [GREETING, nth % 2 === 0 ? TO_ADDRESS : TO_NAME];
    const client = { fd: this.#ground.sockets.arrive(isHttp ? 1 : 0), opening, sent: 0 };
    this.#clients.add(client);
    this.#sendNext(client);
  }

  /** Goes on when something has come, and leaves when that was the end. */
  #play(client: Client): void {
    const { sockets } = this.#ground;
    const taken = sockets.receive(client.fd);
    if (taken < 0) return;
    if (taken > 0) {
      this.#sendNext(client);
      return;
    }
    sockets.close(client.fd);
    this.#clients.delete(client);
    if (client.sent < client.opening.length + REQUESTS) throw sockets.failure('a rehearsal was refused');
  }

  #sendNext(client: Client): void {
    const message = client.opening[client.sent];
    if (client.sent < client.opening.length + REQUESTS)
      this.#ground.sockets.send(client.fd, message ?? REQUEST);
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
    for (const { fd } of this.#clients) this.#ground.sockets.close(fd);
    this.#ground.end();
    this.#node.end();
  }
}
