// What the scenarios of the conformance tests report to the test, by kind.

import type { Doorbell } from '../../src/reactor/reactor.ts';

export interface Reports {
  doorbell: { doorbell: Doorbell };
  /** A callback that must not come, or another breach of the contract. */
  unexpected: { what: string };
  /** A handler threw. */
  fault: { message: string };
  /** The listener or UDP socket is bound. */
  port: { port: number; address: string };
  /** The scenario is set up, or a step of it done. */
  ready: object;

  // Listening and connecting. `inside`: reported from inside the call. `ownId`: under the id that the call returned.
  'listen failed': { inside: boolean; errno: number };
  unlistened: object;
  accepted: { remoteAddress: string; localAddress: string };
  connected: { inside: boolean; ownId: boolean; tag: number; remoteAddress: string; localAddress: string };
  'connect failed': { inside: boolean; ownId: boolean; tag: number; errno: number; connections: number };
  connections: { connections: number };

  // Reading and writing.
  text: { text: string };
  ended: object;
  'whole text': { text: string; reads: number };
  'read failed': { errno: number };
  'late write': { result: number };
  full: { sentBytes: number };
  written: { sentBytes: number; writableCalls: number };
  broken: { tag: number; errno: number };

  // Closing.
  'closed full': { sentBytes: number };
  /** Closed inside a callback. */
  'closed inside': { callback: string };
  reused: { sharedSlots: number; connections: number };

  // Timers, the doorbell, other threads.
  fired: { tags: number[]; early: number[] };
  rung: { command: unknown; rings: number };
  detached: { fd: number; connections: number; secondResult: number };
  adopted: { remoteAddress: string };

  // UDP.
  bound: {
    inside: boolean;
    ownId: boolean;
    tag: number;
    address: string;
    sockets: number;
    connections: number;
  };
  'bind failed': { tag: number; errno: number; sockets: number };
  sent: { result: number };
  datagram: { length: number; address: string; port: number };
  'datagram text': { length: number; text: string };
  answer: { text: string; port: number };
  'on a closed socket': { sendResult: number; receiveResult: number };
  'outside the slab': { sendError: string; receiveError: string };
  sockets: { sockets: number };
}

export type ReportKind = keyof Reports;

export interface Message<K extends ReportKind = ReportKind> {
  readonly kind: K;
  readonly report: Reports[K];
}
