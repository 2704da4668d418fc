import { describe, expect, it } from 'vitest';
import type { FromExit } from '../../src/engine/messages.ts';
import { NODE } from '../../src/limits/node.ts';
import { type HubDialOrder, HubDials } from '../../src/node/hubDials.ts';
import { ERRNO } from '../../src/reactor/errno.ts';
import type { ConnId, Reactor } from '../../src/reactor/reactor.ts';
import { FakeDialReactor, type Outcome } from './fakeDialReactor.ts';

const OK: Outcome = { delayMs: 20, errno: 0 };
const SILENT: Outcome = { delayMs: Number.POSITIVE_INFINITY, errno: 0 };
const REFUSED: Outcome = { delayMs: 5, errno: ERRNO.ECONNREFUSED };

class FakeHubReactor extends FakeDialReactor {
  /** By whom the first message was written. */
  readonly written: ConnId[] = [];

  slab(byteLength: number) {
    return { bytes: new Uint8Array(byteLength) };
  }

  localAddress(): string {
    return '192.0.2.7';
  }

  write(conn: ConnId, _slab: unknown, _start: number, end: number): number {
    this.written.push(conn);
    return end;
  }
}

function setUp(outcomes: Record<string, Outcome>) {
  const reactor = new FakeHubReactor((address) => outcomes[address] ?? OK);
  const told: FromExit[] = [];
  const dials = new HubDials(
    reactor as unknown as Reactor,
    (message) => told.push(message),
    (conn) => conn,
  );
  return { reactor, told, dials };
}

const MESSAGE1 = new Uint8Array(100);

function order(addresses: string[], via: HubDialOrder['via'] = null): HubDialOrder {
  return { dial: 3, addresses, port: 9000, via, web: null, message1: MESSAGE1 };
}

describe('a hub with several addresses', () => {
  it('is reached by the second while the first is silent', () => {
    const { reactor, told, dials } = setUp({ '::1': SILENT });
    dials.dial(order(['::1', '127.0.0.1']));
    reactor.advance(NODE.attemptDelayMs + 20);
    expect(told).toEqual([{ type: 'dialled', dial: 3, localAddress: '192.0.2.7' }]);
    expect(reactor.attempts.map(({ address }) => address)).toEqual(['::1', '127.0.0.1']);
    const { conn } = reactor.attempts.at(-1)!;
    expect([reactor.written, [...reactor.open]]).toEqual([[conn], [conn]]);
    expect(dials.take(3)?.conn).toBe(conn);
    expect(reactor.pending).toBe(0);
  });

  it('is reached by the second at once when the first refuses', () => {
    const { reactor, told, dials } = setUp({ '::1': REFUSED });
    dials.dial(order(['::1', '127.0.0.1']));
    reactor.advance(25);
    expect(told).toHaveLength(1);
    expect([...reactor.open]).toEqual([reactor.attempts.at(-1)!.conn]);
  });

  it('cannot be reached when none of them can, and is not before', () => {
    const { reactor, told, dials } = setUp({ '::1': SILENT, '127.0.0.1': REFUSED });
    dials.dial(order(['::1', '127.0.0.1']));
    reactor.advance(NODE.attemptDelayMs + 5);
    expect(told).toEqual([]);
    reactor.advance(NODE.handshakeTimeoutMs);
    expect(told).toMatchObject([{ type: 'dialFailed', dial: 3 }]);
    expect([reactor.open.size, reactor.pending]).toEqual([0, 0]);
  });

  it('is left alone by a dial that is called off', () => {
    const { reactor, told, dials } = setUp({ '::1': SILENT, '::2': SILENT });
    dials.dial(order(['::1', '::2', '::3']));
    reactor.advance(NODE.attemptDelayMs);
    dials.cancel(3);
    expect([reactor.open.size, reactor.pending, told]).toEqual([0, 0, []]);
  });
});
