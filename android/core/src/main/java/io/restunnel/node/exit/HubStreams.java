package io.restunnel.node.exit;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.names.Names;
import io.restunnel.node.policy.HostName;
import io.restunnel.node.policy.IpAddress;
import io.restunnel.node.session.SessionHandler;
import io.restunnel.node.session.TunnelStream;
import io.restunnel.node.wire.Reason;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What one session's hub asks for: targets and associations. From a target's name to a connection: literal or name, policy, race. */
final class HubStreams implements SessionHandler {
    private final Exit exit;
    private final Tunnel tunnel;
    private final Load.OfHub load;

    HubStreams(Exit exit, Tunnel tunnel) {
        this.exit = exit;
        this.tunnel = tunnel;
        this.load = exit.load.of(tunnel.hub);
    }

    @Override
    public void connect(TunnelStream stream, String host, int port) {
        tunnel.touch();
        // While draining, what comes was sent before the hub heard of it: it is served, and the hub sends no more.
        if (!exit.load.mayOpen(load)) {
            tunnel.session().refuse(stream, Reason.BUSY);
            return;
        }
        TargetStream target = new TargetStream(exit, tunnel, stream, load);
        stream.local = target;
        IpAddress literal = IpAddress.parse(host);
        if (literal != null) {
            dial(stream, target, Collections.singletonList(literal), port);
            return;
        }
        String name = HostName.targetName(host);
        if (HostName.isZonedLiteral(host)) refuse(stream, target, Reason.POLICY);
        else if (name == null) refuse(stream, target, Reason.BAD_TARGET);
        else lookUp(stream, target, name, port);
    }

    private void lookUp(TunnelStream stream, TargetStream target, String name, int port) {
        Names.Asker asker = new Names.Asker() {
            @Override
            public void found(List<IpAddress> addresses) {
                target.cancelDial = null;
                dial(stream, target, addresses, port);
            }

            @Override
            public void notFound(Reason reason) {
                refuse(stream, target, reason);
            }
        };
        target.cancelDial = () -> exit.names.forget(name, asker);
        exit.names.lookUp(name, tunnel.hub, asker);
    }

    /** To what the policy leaves of the addresses. */
    private void dial(TunnelStream stream, TargetStream target, List<IpAddress> addresses, int port) {
        List<IpAddress> allowed = new ArrayList<>();
        for (IpAddress address : addresses) if (exit.policy.allows(address, port, tunnel.hub)) allowed.add(address);
        if (allowed.isEmpty()) {
            refuse(stream, target, Reason.POLICY);
            return;
        }
        Race race = Race.start(exit.loop, exit.sockets, Race.inTurns(allowed, true), port, Bounds.CONNECT_TIMEOUT_MS, exit.load::mayRace,
                new Race.Outcome() {
                    @Override
                    public void connected(SocketChannel channel, SelectionKey key) {
                        target.connected(channel, key);
                    }

                    @Override
                    public void failed(Reason reason, String message) {
                        refuse(stream, target, reason);
                    }
                });
        target.cancelDial = race::cancel;
    }

    private void refuse(TunnelStream stream, TargetStream target, Reason reason) {
        target.refused();
        tunnel.session().refuse(stream, reason);
        tunnel.touch();
    }

    @Override
    public void udpOpen(TunnelStream stream) {
        tunnel.touch();
        if (tunnel.associations >= Bounds.ASSOCIATIONS_PER_SESSION_MAX || !exit.load.mayOpen(load)) {
            tunnel.session().refuse(stream, Reason.BUSY);
            return;
        }
        stream.local = new Association(exit, tunnel, stream, load);
        tunnel.session().accept(stream);
    }

    @Override
    public void rotate(long request) {
        exit.orders.rotate(tunnel.hub, request);
    }

    @Override
    public void sharedKey(long waitMs) {
        exit.orders.sharedKey(tunnel.hub, waitMs);
    }
}
