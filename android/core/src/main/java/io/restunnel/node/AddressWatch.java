package io.restunnel.node;

import io.restunnel.node.hubs.Hub;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.names.Names;
import io.restunnel.node.policy.AddressRange;
import io.restunnel.node.policy.AddressSet;
import io.restunnel.node.policy.IpAddress;
import io.restunnel.node.policy.Nat64;
import io.restunnel.node.policy.TargetPolicy;
import io.restunnel.node.wire.Reason;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;

/**
 * Keeps the target policy informed: this device's addresses, the hubs', where the hubs see it come from, and the prefixes of the network's
 * NAT64. They change: a phone moves between networks. Of the loop's thread.
 */
final class AddressWatch {
    private static final int IPV6_BITS = 128;

    private final Loop loop;
    private final Executor worker;
    private final Sockets sockets;
    private final Log log;
    private final Names names;
    private final TargetPolicy policy;
    private final Map<String, Hub> hubs;
    private List<Sockets.InterfaceAddress> own = Collections.emptyList();
    private boolean isFailing;
    /** Counts networks: an answer about an earlier one comes too late. */
    private int network;

    AddressWatch(Loop loop, Executor worker, Sockets sockets, Log log, Names names, TargetPolicy policy, Map<String, Hub> hubs) {
        this.loop = loop;
        this.worker = worker;
        this.sockets = sockets;
        this.log = log;
        this.names = names;
        this.policy = policy;
        this.hubs = hubs;
    }

    /** Blocks for the first list: no stream may come before it. */
    void start() {
        try {
            own = sockets.ownAddresses();
        } catch (IOException failure) {
            cannotList();
        }
        apply();
        askNat64(network);
        loop.after(Bounds.ADDRESSES_EVERY_MS, this::watch);
    }

    private void watch() {
        look();
        loop.after(Bounds.ADDRESSES_EVERY_MS, this::watch);
    }

    void networkChanged() {
        network++;
        policy.setNat64(Collections.emptyList());
        askNat64(network);
        look();
    }

    private void look() {
        worker.execute(() -> {
            List<Sockets.InterfaceAddress> found;
            try {
                found = sockets.ownAddresses();
            } catch (IOException failure) {
                loop.execute(this::cannotList);
                return;
            }
            loop.execute(() -> learn(found));
        });
    }

    /** What was known last counts on. */
    private void cannotList() {
        if (!isFailing) log.warn("this device's addresses cannot be listed; the node refuses only those that it knows already");
        isFailing = true;
    }

    private void learn(List<Sockets.InterfaceAddress> found) {
        isFailing = false;
        own = found;
        apply();
        List<IpAddress> addresses = new ArrayList<>();
        for (Sockets.InterfaceAddress each : found) addresses.add(IpAddress.of(each.address));
        // A change of address ends no connection by itself: bytes just stop arriving, without an error.
        for (Hub hub : hubs.values()) hub.redialWithout(addresses, Failure.Code.ADDRESS_GONE);
    }

    /** Tells the policy all that is known now. */
    void apply() {
        List<AddressRange> ours = new ArrayList<>();
        List<AddressRange> theirs = new ArrayList<>();
        for (Sockets.InterfaceAddress each : own) ours.addAll(AddressSet.withNetwork(IpAddress.of(each.address), each.prefixLength));
        for (Hub hub : hubs.values()) {
            for (IpAddress address : hub.localAddresses()) ours.addAll(AddressSet.withNetwork(address, IPV6_BITS));
            for (IpAddress address : hub.addresses()) theirs.add(new AddressRange(address, IPV6_BITS));
            List<AddressRange> observed = new ArrayList<>();
            for (IpAddress address : hub.observed()) observed.addAll(AddressSet.withNetwork(address, IPV6_BITS));
            policy.setObserved(hub.publicKey, observed);
        }
        policy.setOwn(ours);
        policy.setHubs(theirs);
    }

    private void askNat64(int of) {
        names.lookUp(Nat64.IPV4_ONLY_NAME, Names.NODE, new Names.Asker() {
            @Override
            public void found(List<IpAddress> addresses) {
                know(of, Nat64.prefixesIn(addresses), Bounds.NAT64_EVERY_MS);
            }

            @Override
            public void notFound(Reason reason) {
                know(of, Collections.emptyList(), reason == Reason.NAME_NOT_FOUND ? Bounds.NAT64_EVERY_MS : Bounds.NAT64_RETRY_MS);
            }
        });
    }

    private void know(int of, List<AddressRange> prefixes, long againMs) {
        if (of != network) return;
        policy.setNat64(prefixes);
        loop.after(againMs, () -> {
            if (of == network) askNat64(of);
        });
    }
}
