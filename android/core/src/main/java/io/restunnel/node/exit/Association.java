package io.restunnel.node.exit;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.loop.Channels;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.loop.Timer;
import io.restunnel.node.names.Names;
import io.restunnel.node.policy.HostName;
import io.restunnel.node.policy.IpAddress;
import io.restunnel.node.session.LocalStream;
import io.restunnel.node.session.TunnelStream;
import io.restunnel.node.wire.DatagramAddress;
import io.restunnel.node.wire.Reason;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The UDP counterpart of a TargetStream: a socket for each family, the policy asked about every datagram, answers taken only from addresses
 * that were sent to. What finds no room is dropped.
 */
final class Association implements LocalStream {
    private final Exit exit;
    private final Tunnel tunnel;
    private final TunnelStream stream;
    private final Load.OfHub load;
    private final Peers peers;
    /** Waiting for names. */
    private final Set<Held> held = new LinkedHashSet<>();
    private DatagramChannel ipv4;
    private DatagramChannel ipv6;
    private boolean lacksIpv4;
    private boolean lacksIpv6;
    private Timer sweep;
    private long lastMs;
    private boolean isClosed;

    Association(Exit exit, Tunnel tunnel, TunnelStream stream, Load.OfHub load) {
        this.exit = exit;
        this.tunnel = tunnel;
        this.stream = stream;
        this.load = load;
        peers = new Peers(exit.peerRoom);
        lastMs = exit.loop.nowMs();
        tunnel.associations++;
        exit.load.opened(load, 1);
        sweep = exit.loop.after(Bounds.ASSOCIATION_IDLE_MS, this::endIfIdle);
    }

    /** The hub has forgotten it. */
    private void endIfIdle() {
        long leftMs = lastMs + Bounds.ASSOCIATION_IDLE_MS - exit.loop.nowMs();
        if (leftMs > 0) {
            sweep = exit.loop.after(leftMs, this::endIfIdle);
            return;
        }
        tunnel.session().abort(stream);
        tunnel.touch();
    }

    // --- Hub to target ---

    @Override
    public void datagram(ByteBuffer from, int at, int headerBytes, int length) {
        int port = DatagramAddress.port(from, at, headerBytes);
        ByteBuffer data = exit.views.of(from, at + headerBytes, length - headerBytes);
        if (!DatagramAddress.isName(from, at)) {
            sendIfAllowed(Collections.singletonList(DatagramAddress.address(from, at)), port, data);
            return;
        }
        String host = DatagramAddress.name(from, at);
        IpAddress literal = IpAddress.parse(host);
        String name = HostName.isZonedLiteral(host) ? null : HostName.targetName(host);
        if (literal != null) sendIfAllowed(Collections.singletonList(literal), port, data);
        else if (name != null) hold(name, port, data);
    }

    /** A datagram that waits for its target's name. */
    private final class Held implements Names.Asker {
        private final String name;
        private final int port;
        private final ByteBuffer data;

        Held(String name, int port, ByteBuffer data) {
            this.name = name;
            this.port = port;
            this.data = data;
        }

        @Override
        public void found(List<IpAddress> addresses) {
            over();
            sendIfAllowed(addresses, port, data);
        }

        @Override
        public void notFound(Reason reason) {
            over();
        }

        private void over() {
            if (held.remove(this)) exit.datagramsHeldBytes -= data.remaining();
        }
    }

    private void hold(String name, int port, ByteBuffer data) {
        int bytes = data.remaining();
        if (held.size() >= Bounds.DATAGRAMS_HELD_MAX || exit.datagramsHeldBytes + bytes > Bounds.DATAGRAMS_HELD_BYTES) return;
        byte[] copy = new byte[bytes];
        data.get(copy);
        Held waiting = new Held(name, port, ByteBuffer.wrap(copy));
        held.add(waiting);
        exit.datagramsHeldBytes += bytes;
        exit.names.lookUp(name, tunnel.hub, waiting);
    }

    /** To the first address that is allowed and has a route. */
    private void sendIfAllowed(List<IpAddress> addresses, int port, ByteBuffer data) {
        if (isClosed) return;
        for (IpAddress address : addresses) {
            if (!exit.policy.allows(address, port, tunnel.hub)) continue;
            DatagramChannel socket = socket(address.isIpv6());
            if (socket == null) continue;
            try {
                // 0: the kernel has no room, and the datagram is lost.
                if (socket.send(data, new InetSocketAddress(address.toInetAddress(), port)) == 0 && data.hasRemaining()) return;
            } catch (IOException noRoute) {
                continue;
            }
            peers.add(address);
            lastMs = exit.loop.nowMs();
            return;
        }
    }

    /** The socket for a family; null where there can be none now. */
    private DatagramChannel socket(boolean isIpv6) {
        DatagramChannel socket = isIpv6 ? ipv6 : ipv4;
        if (socket != null || (isIpv6 ? lacksIpv6 : lacksIpv4)) return socket;
        try {
            socket = exit.sockets.openUdp(isIpv6);
            socket.configureBlocking(false);
            socket.bind(new InetSocketAddress((InetAddress) null, 0));
            DatagramChannel opened = socket;
            exit.loop.register(socket, SelectionKey.OP_READ, key -> receive(opened));
        } catch (UnsupportedOperationException lacksFamily) {
            if (isIpv6) lacksIpv6 = true;
            else lacksIpv4 = true;
            return null;
        } catch (IOException failure) {
            // Short of descriptors or ports: the next datagram may do better.
            if (socket != null) Channels.closeQuietly(socket);
            return null;
        }
        if (isIpv6) ipv6 = socket;
        else ipv4 = socket;
        return socket;
    }

    // --- Target to hub ---

    private void receive(DatagramChannel socket) {
        int bytes = 0;
        for (int i = 0; i < Bounds.DATAGRAMS_PER_TURN && bytes < Bounds.DATAGRAM_TURN_BYTES && !isClosed; i++) {
            ByteBuffer data = exit.datagramBytes;
            data.clear();
            InetSocketAddress sender;
            try {
                sender = (InetSocketAddress) socket.receive(data);
            } catch (IOException refused) {
                // An ICMP error about an earlier one.
                continue;
            }
            if (sender == null) break;
            int length = data.position();
            bytes += length;
            IpAddress address = IpAddress.of(sender.getAddress());
            if (sender.getPort() == 0 || !peers.contains(address)) continue;
            byte[] header = DatagramAddress.header(address, sender.getPort());
            byte[] payload = new byte[header.length + length];
            System.arraycopy(header, 0, payload, 0, header.length);
            data.flip();
            data.get(payload, header.length, length);
            if (tunnel.session().sendDatagram(stream, payload)) lastMs = exit.loop.nowMs();
        }
        tunnel.touch();
    }

    // --- The end ---

    @Override
    public void aborted() {
        if (isClosed) return;
        isClosed = true;
        sweep.cancel();
        for (Held waiting : held) {
            exit.names.forget(waiting.name, waiting);
            exit.datagramsHeldBytes -= waiting.data.remaining();
        }
        held.clear();
        peers.release();
        tunnel.associations--;
        exit.load.opened(load, -1);
        if (ipv4 != null) Channels.closeQuietly(ipv4);
        if (ipv6 != null) Channels.closeQuietly(ipv6);
    }

    @Override
    public int receive(ByteBuffer from, int at, int length) {
        throw new IllegalStateException("bytes on an association");
    }

    @Override
    public int read(ByteBuffer to, int at, int length) {
        throw new IllegalStateException("bytes on an association");
    }

    @Override
    public void ended() {
        throw new IllegalStateException("an end of an association");
    }

    @Override
    public void drained() {
        throw new IllegalStateException("bytes on an association");
    }
}
