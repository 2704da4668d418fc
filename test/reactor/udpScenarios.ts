// What the reactor's side does in each conformance test of UDP sockets. The other side is the test itself.

import { Endpoint } from '../../src/base/endpoint.ts';
import type { UdpHandler } from '../../src/reactor/datagrams.ts';
import { WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import { endpointOf } from '../base/endpointOf.ts';
import type { Scenario, ScenarioContext } from './scenarioWorker.ts';

/** A handler that reports its port. Every callback that is not given is unexpected. */
function udpHandler(context: ScenarioContext, given: Partial<UdpHandler>): UdpHandler {
  return {
    onBound: (_udp, _tag, address, port) => context.report('port', { port, address }),
    onBindFailed: (_udp, _tag, errno) => context.unexpected(`onBindFailed ${errno}`),
    onDatagrams: () => context.unexpected('onDatagrams'),
    ...given,
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** The name of the error that `call` throws. */
function errorOf(call: () => unknown): string {
  try {
    return `none: it returned ${call()}`;
  } catch (error) {
    return (error as Error).name;
  }
}

const from = new Endpoint();

export const udpScenarios: Record<string, Scenario> = {
  /** Sends everything back to where it came from. */
  udpEcho(context, { address }) {
    const { reactor, slab } = context;
    const { udp } = reactor;
    let inside = true;
    const handler = udpHandler(context, {
      onBound(socket, tag, address, port) {
        const { connections } = reactor;
        const ownId = socket === id;
        context.report('bound', { inside, ownId, tag, address, sockets: udp.count, connections });
        context.report('port', { port, address });
      },
      onDatagrams(socket) {
        for (;;) {
          const length = udp.receive(socket, slab, 0, slab.bytes.length, from);
          if (length === WOULD_BLOCK) return;
          context.report('datagram', { length, address: from.address.toString(), port: from.port });
          udp.send(socket, slab, 0, length, from);
        }
      },
    });
    const id = udp.bind(address, 0, handler, 77);
    inside = false;
  },

  /** Takes one datagram a call, into four bytes. */
  udpOneAtATime(context, { address }) {
    const { slab } = context;
    const { udp } = context.reactor;
    const handler = udpHandler(context, {
      onDatagrams(socket) {
        const length = udp.receive(socket, slab, 3, 4, from);
        context.report('datagram text', { length, text: textOf(slab.bytes.subarray(3, 7)) });
      },
    });
    udp.bind(address, 0, handler, 0);
  },

  /** Sends before it is bound, to a port that answers. */
  udpSendsFirst(context, { address, port }) {
    const { slab } = context;
    const { udp } = context.reactor;
    const handler = udpHandler(context, {
      onDatagrams(socket) {
        const length = udp.receive(socket, slab, 0, 100, from);
        context.report('answer', { text: textOf(slab.bytes.subarray(0, length)), port: from.port });
      },
    });
    const id = udp.bind(address, 0, handler, 0);
    const to = endpointOf(address, port);
    slab.bytes.set(Buffer.from('first'));
    context.report('sent', { result: udp.send(id, slab, 0, 5, to) });
  },

  udpErrors(context, { port }) {
    const { slab } = context;
    const { udp } = context.reactor;
    const failing = udpHandler(context, {
      onBound: () => context.unexpected('onBound'),
      onBindFailed(socket, tag, errno) {
        udp.close(socket);
        context.report('bind failed', { tag, errno, sockets: udp.count });
      },
    });
    udp.bind('127.0.0.1', port, failing, 1);
    udp.bind('localhost', 0, failing, 2);
    udp.bind('192.0.2.1', 0, failing, 3);
    const closed = udp.bind('127.0.0.1', 0, failing, 4);
    udp.close(closed);
    udp.close(closed);
    const peer = endpointOf('127.0.0.1', port);
    context.report('on a closed socket', {
      sendResult: udp.send(closed, slab, 0, 1, peer),
      receiveResult: udp.receive(closed, slab, 0, 1, peer),
    });
    const open = udp.bind('127.0.0.1', 0, udpHandler(context, {}), 5);
    context.report('outside the slab', {
      sendError: errorOf(() => udp.send(open, slab, slab.bytes.length, 1, peer)),
      receiveError: errorOf(() => udp.receive(open, slab, -1, 1, peer)),
    });
  },

  /** A handler that throws loses its socket, and no other. */
  udpThrows(context, { address }) {
    const { slab } = context;
    const { udp } = context.reactor;
    const throwing = udpHandler(context, {
      onDatagrams(socket) {
        udp.receive(socket, slab, 0, 100, from);
        throw new Error('thrown by the test');
      },
    });
    udp.bind(address, 0, throwing, 0);
    udp.bind(address, 0, udpHandler(context, { onBound: () => {} }), 0);
    context.onCommand(() => context.report('sockets', { sockets: udp.count }));
  },
};
