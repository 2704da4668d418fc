// Puts TLS on a connection of the engine thread. The net reactor's thread has Node's own event loop: TLS runs right there. The epoll reactor's
// has none, so its descriptor goes to a thread that has one, and the engine gets the plain end of a socket pair.

import type { FromExit } from '../engine/messages.ts';
import { loadLibc, openSocketPair } from '../reactor/libc.ts';
import { NetReactor } from '../reactor/net/netReactor.ts';
import type { Reactor } from '../reactor/reactor.ts';
import type { SecureDial } from './hubDials.ts';
import { connectTls, tlsFailure } from './tlsClient.ts';

export function secureDial(reactor: Reactor, tell: (message: FromExit) => void): SecureDial {
  return reactor instanceof NetReactor ? secureHere(reactor) : secureElsewhere(reactor, tell);
}

function secureHere(reactor: NetReactor): SecureDial {
  return (conn, dial, host, handler) => {
    reactor.wrap(conn, (socket) => {
      let isSecure = false;
      const secure = connectTls(socket, host);
      // Nothing leaves before the certificate is known to be right.
      secure.cork();
      secure.once('secureConnect', () => {
        isSecure = true;
        secure.uncork();
      });
      secure.once('error', (error) => {
        if (!isSecure) handler.tlsFailed(dial, tlsFailure(error));
      });
      return secure;
    });
    return conn;
  };
}

function secureElsewhere(reactor: Reactor, tell: (message: FromExit) => void): SecureDial {
  return (conn, dial, host, handler) => {
    const libc = loadLibc();
    const pair = libc === null ? null : openSocketPair(libc);
    if (pair === null) throw new Error('this device has no descriptor left');
    tell({ type: 'secure', dial, socket: reactor.detach(conn), plain: pair.theirs, host });
    return reactor.adopt(pair.ours, handler, dial);
  };
}
