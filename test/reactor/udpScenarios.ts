// What the reactor's side does in each conformance test of UDP sockets. Runs in scenarioWorker.ts; the other side is in udp.test.ts.

import { Endpoint } from '../../src/base/endpoint.ts';
import type { UdpHandler, UdpId } from '../../src/reactor/datagrams.ts';
import { formatEndpoint, parseEndpoint } from '../../src/reactor/sockaddr.ts';
import type { Scenario } from './scenarios.ts';
import type { Stage } from './scenarioWorker.ts';

/** What is not given must not happen. */
function handler(stage: Stage, given: Partial<UdpHandler>): UdpHandler {
  const unexpected =
    (name: string) =>
    (...values: unknown[]) =>
      stage.tell('unexpected', name, ...values);
  return {
    onBound: (_udp, _tag, _address, port) => stage.tell('port', port),
    onBindFailed: unexpected('onBindFailed'),
    onDatagrams: unexpected('onDatagrams'),
    ...given,
  };
}

const from = new Endpoint();

export const udpScenarios: Record<string, Scenario> = {
  /** Sends everything back where it came from. */
  udpEcho(stage, { address }) {
    const { reactor, slab } = stage;
    let inside = true;
    const id = reactor.udp.bind(
      address,
      0,
      handler(stage, {
        onBound: (udp, tag, bound, port) => {
          stage.tell('bound', inside, udp === id, tag, bound, reactor.udp.count, reactor.connections);
          stage.tell('port', port);
        },
        onDatagrams(udp) {
          for (;;) {
            const length = reactor.udp.receive(udp, slab, 0, slab.bytes.length, from);
            if (length === -11) return;
            stage.tell('got', length, formatEndpoint(from), from.port);
            reactor.udp.send(udp, slab, 0, length, from);
          }
        },
      }),
      77,
    );
    inside = false;
  },

  /** Takes one datagram each time it is told, into too little room. */
  udpOneAtATime(stage, { address }) {
    const { reactor, slab } = stage;
    reactor.udp.bind(
      address,
      0,
      handler(stage, {
        onDatagrams(udp) {
          const length = reactor.udp.receive(udp, slab, 3, 4, from);
          stage.tell('got', length, Buffer.from(slab.bytes.subarray(3, 7)).toString('latin1'));
        },
      }),
      0,
    );
  },

  /** Sends before it is bound, to a port that answers. */
  udpFirst(stage, { address, port }) {
    const { reactor, slab } = stage;
    const udp = reactor.udp.bind(
      address,
      0,
      handler(stage, {
        onDatagrams(id) {
          const length = reactor.udp.receive(id, slab, 0, 100, from);
          stage.tell('answer', Buffer.from(slab.bytes.subarray(0, length)).toString('latin1'), from.port);
        },
      }),
      0,
    );
    const to = new Endpoint();
    parseEndpoint(address, port, to);
    slab.bytes.set(Buffer.from('first'));
    stage.tell('sent', reactor.udp.send(udp, slab, 0, 5, to));
  },

  udpErrors(stage, { port }) {
    const { reactor, slab } = stage;
    const failing = handler(stage, {
      onBound: () => stage.tell('unexpected', 'bound'),
      onBindFailed: (udp, tag, errno) => {
        reactor.udp.close(udp);
        stage.tell('failed', tag, errno, reactor.udp.count);
      },
    });
    reactor.udp.bind('127.0.0.1', port, failing, 1);
    reactor.udp.bind('localhost', 0, failing, 2);
    reactor.udp.bind('192.0.2.1', 0, failing, 3);
    const closed = reactor.udp.bind('127.0.0.1', 0, failing, 4);
    reactor.udp.close(closed);
    reactor.udp.close(closed);
    const to = new Endpoint();
    parseEndpoint('127.0.0.1', port, to);
    stage.tell('void', reactor.udp.send(closed, slab, 0, 1, to), reactor.udp.receive(closed, slab, 0, 1, to));
    const outside: unknown[] = [];
    const open: UdpId = reactor.udp.bind('127.0.0.1', 0, handler(stage, {}), 5);
    for (const act of [
      () => reactor.udp.send(open, slab, slab.bytes.length, 1, to),
      () => reactor.udp.receive(open, slab, -1, 1, to),
    ]) {
      try {
        outside.push(act());
      } catch (error) {
        outside.push((error as Error).name);
      }
    }
    stage.tell('outside', ...outside);
  },

  /** A handler that throws loses its socket, and nobody else theirs. */
  udpThrows(stage, { address }) {
    const { reactor, slab } = stage;
    reactor.udp.bind(
      address,
      0,
      handler(stage, {
        onDatagrams(udp) {
          reactor.udp.receive(udp, slab, 0, 100, from);
          throw new Error('thrown by the test');
        },
      }),
      0,
    );
    reactor.udp.bind(address, 0, handler(stage, { onBound: () => {} }), 0);
    stage.onCommand(() => stage.tell('count', reactor.udp.count));
  },
};
