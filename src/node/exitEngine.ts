// The engine thread of an exit node, wired on its reactor: the exit, its target policy, and the orders of control.

import type { ExitPlan, FromEngine, Order } from '../engine/messages.ts';
import type { AeadFactory } from '../noise/aead.ts';
import type { Reactor } from '../reactor/reactor.ts';
import { HeldShare } from '../ring/heldShare.ts';
import { SessionSlots, ThreadSlots } from '../ring/slots.ts';
import { parseAllowRule } from './allowRule.ts';
import { Exit } from './exit.ts';
import type { SecureDial } from './hubDials.ts';
import { HubShares } from './hubShares.ts';
import { TargetPolicy } from './targetPolicy.ts';

export class ExitEngine {
  readonly exit: Exit;
  readonly #reactor: Reactor;
  readonly #policy: TargetPolicy;
  readonly #slots: ThreadSlots;
  readonly #tell: (message: FromEngine) => void;
  /** A drain order waits for its answer. */
  #draining = false;

  constructor(options: {
    plan: ExitPlan;
    reactor: Reactor;
    makeAead: AeadFactory;
    secure: SecureDial;
    /** Messages for control. */
    tell: (message: FromEngine) => void;
  }) {
    const { plan, reactor, makeAead, secure, tell } = options;
    this.#reactor = reactor;
    this.#tell = tell;
    this.#slots = new ThreadSlots(plan.slots, plan.thread);
    const allow = plan.allowTargets.map(parseAllowRule);
    this.#policy = new TargetPolicy({ allow, ownAddresses: [...plan.ownAddresses], hubAddresses: [] });
    const slots = new SessionSlots(plan.slots);
    const shares = new HubShares(plan.descriptorLimit, plan.hubs);
    const share = new HeldShare(plan.held);
    const { hubs } = plan;
    this.exit = new Exit({
      reactor,
      policy: this.#policy,
      shares,
      slots,
      share,
      hubs,
      makeAead,
      secure,
      tell,
    });
    reactor.onTurnEnd({ onTurnEnd: () => this.#endTurn() });
  }

  obey(order: Order): void {
    const { exit } = this;
    switch (order.type) {
      case 'dial':
        exit.dialHub(order);
        return;
      case 'tlsFailed':
        exit.tlsFailed(order.dial, order.reason);
        return;
      case 'session':
        this.#policy.setObserved(order.index, order.hub, order.observed);
        exit.begin(order.dial, order.index, order.hub, order, order, order.status);
        order.sendKey.fill(0);
        order.receiveKey.fill(0);
        return;
      case 'hangUp':
        exit.hangUp(order.dial, order.reason);
        return;
      case 'leave':
        exit.leave(order.dial);
        return;
      case 'hubs':
        exit.setHubs(order.count);
        return;
      case 'doubt':
        exit.doubt(order.dial);
        return;
      case 'status':
        exit.sendStatus(order.dial, order.json);
        return;
      case 'names':
        exit.onLookup(order.query, order.addresses, order.failure, order.ttlMs);
        return;
      case 'ownAddresses':
        this.#policy.setOwnAddresses([...order.addresses]);
        return;
      case 'hubAddresses':
        this.#policy.setHubAddresses([...order.addresses]);
        return;
      case 'nat64':
        this.#policy.setNat64Prefixes(order.prefixes);
        return;
      case 'drain':
        exit.drain();
        this.#draining = true;
        return;
    }
  }

  /** Before the reactor closes what is still open. */
  end(): void {
    this.exit.end();
  }

  #endTurn(): void {
    this.#slots.set('connections', this.#reactor.connections);
    this.#slots.set('streams', this.exit.streams);
    if (!this.#draining || !this.exit.drained) return;
    this.#draining = false;
    this.#tell({ type: 'drained' });
  }
}
