// The load generator of every benchmark, a process of its own: groups of streams, each with its load, on one epoll reactor. Started by
// loadProcess.ts as `node client.ts CONTROL_ADDRESS`.

import { EpollReactor } from '../../src/reactor/epoll/epollReactor.ts';
import { Churn } from './churn.ts';
import { ControlLine } from './controlLine.ts';
import { Dialler } from './dialler.ts';
import { Exchange } from './exchange.ts';
import { Bench } from './flow.ts';
import type { Group } from './group.ts';
import type { ClientNews, ClientOrder } from './orders.ts';
import { Transfer } from './transfer.ts';

const reactor = new EpollReactor();
const bench = new Bench(reactor);
const dialler = new Dialler(reactor);
const groups = new Map<string, Group>();
const line = new ControlLine<ClientOrder, ClientNews>(reactor, process.argv[2]!, obey);
reactor.onFault((error) => {
  line.tell({ news: 'fault', text: error instanceof Error ? `${error.stack}` : String(error) });
});
reactor.run();
process.exit(0);

function obey(order: ClientOrder): void {
  const name = order.group;
  const group = order.do === 'open' ? make(order) : groups.get(name);
  if (group === undefined) throw new Error(`no group ${name}`);
  const tell = (news: 'opened' | 'so far' | 'done' | 'closed'): void =>
    line.tell({ news, group: name, tally: group.ledger.tally() });
  switch (order.do) {
    case 'open':
      groups.set(name, group);
      group.open(() => tell('opened'));
      return;
    case 'go':
      group.go(() => tell('done'));
      return;
    case 'look':
      tell('so far');
      return;
    case 'forget':
      tell('so far');
      group.ledger.forgetLatencies();
      return;
    case 'stop':
      group.stop();
      return;
    case 'close':
      group.close();
      groups.delete(name);
      tell('closed');
  }
}

function make(order: ClientOrder & { do: 'open' }): Group {
  const { way, streams, load } = order;
  if (load.kind === 'transfer') {
    const transfer = new Transfer(bench, dialler, way, streams);
    transfer.requestBytes = load.requestBytes;
    transfer.responseBytes = load.responseBytes;
    transfer.stalled = load.stalled ?? false;
    return transfer;
  }
  if (load.kind === 'exchange') {
    const exchange = new Exchange(bench, dialler, way, streams);
    exchange.requestBytes = load.requestBytes;
    exchange.responseBytes = load.responseBytes;
    exchange.inFlight = load.inFlight;
    exchange.count = load.count ?? Number.POSITIVE_INFINITY;
    return exchange;
  }
  const churn = new Churn(bench, dialler, way, streams);
  churn.sizes = load.sizes;
  churn.count = load.count ?? Number.POSITIVE_INFINITY;
  return churn;
}
