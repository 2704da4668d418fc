package io.restunnel.node.hubs;

import io.restunnel.node.Failure;
import io.restunnel.node.exit.Race;
import io.restunnel.node.exit.Tunnel;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.loop.Channels;
import io.restunnel.node.loop.Timer;
import io.restunnel.node.names.Names;
import io.restunnel.node.noise.HandshakeException;
import io.restunnel.node.noise.Initiator;
import io.restunnel.node.noise.Message1;
import io.restunnel.node.noise.Message2;
import io.restunnel.node.noise.Timestamp;
import io.restunnel.node.policy.HostName;
import io.restunnel.node.policy.IpAddress;
import io.restunnel.node.session.SessionTerms;
import io.restunnel.node.wire.Reason;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** One lane of a node to a hub: dials, shakes hands, and does it again whenever the session ends, for ever, with growing pauses. */
final class HubLane implements Tunnel.Owner {
    private final Hub hub;
    private final HubParts parts;
    private final int number;
    private final Backoff backoff = new Backoff();
    /** Counts attempts: what an earlier one left on another thread is not taken for this one's. */
    private int attempt;
    private Names.Asker asker;
    private HandshakeDial dial;
    private Tunnel tunnel;
    private Timer wait;
    private long nextDialMs;
    /** The hub has sent this device away until then. */
    private long notBeforeMs;
    private InetAddress localAddress;
    private IpAddress observed;
    /** Of the last session. RFC 6724 prefers IPv6. */
    private boolean ipv6First = true;
    /** Connections in a row that no session came of. */
    private int fruitless;
    private boolean lacksNetwork;
    private boolean isStopped = true;

    HubLane(Hub hub, HubParts parts, int number) {
        this.hub = hub;
        this.parts = parts;
        this.number = number;
    }

    boolean isUp() {
        return tunnel != null && tunnel.isUp();
    }

    boolean isWaiting() {
        return wait != null;
    }

    boolean lacksNetwork() {
        return lacksNetwork;
    }

    long nextDialMs() {
        return nextDialMs;
    }

    Tunnel tunnel() {
        return tunnel;
    }

    /** Of our end of the connection; null: there is none. */
    InetAddress localAddress() {
        return localAddress;
    }

    /** Our address as the hub sees it; null while not known. */
    IpAddress observed() {
        return observed;
    }

    void start() {
        isStopped = false;
        hub.turns.take(this, this::begin);
    }

    // --- Dial ---

    private void begin() {
        attempt++;
        nextDialMs = 0;
        parts.onActivity.run();
        hub.changed();
        HubRecord record = parts.book.get(hub.publicKey);
        if (record == null) return;
        IpAddress literal = IpAddress.parse(record.host);
        if (literal != null) {
            prepare(Collections.singletonList(literal), record);
            return;
        }
        String name = HostName.targetName(record.host);
        asker = new Names.Asker() {
            @Override
            public void found(List<IpAddress> addresses) {
                asker = null;
                prepare(addresses, record);
            }

            @Override
            public void notFound(Reason reason) {
                asker = null;
                failed(new Failure(Failure.Code.NAME_NOT_RESOLVED, record.host), false);
            }
        };
        parts.names.lookUp(name, Names.NODE, asker);
    }

    /** The first message, by the worker: storage blocks, and Diffie-Hellman takes its time. */
    private void prepare(List<IpAddress> addresses, HubRecord record) {
        hub.addresses = addresses;
        parts.onAddresses.run();
        int of = attempt;
        parts.worker.execute(() -> {
            Timestamp timestamp = parts.book.nextTimestamp(hub.publicKey, parts.clock.wallMs());
            if (timestamp == null) return;
            byte[] token = record.token == null ? null : HubBook.bytes(record.token);
            int padding = parts.random.nextInt(Bounds.HANDSHAKE_PADDING_MAX_BYTES);
            byte[] payload = Message1.encode(timestamp, number, token, record.name, padding);
            try {
                Initiator initiator = new Initiator(parts.keyPair, HubBook.bytes(hub.publicKey), payload, parts.random);
                parts.loop.execute(() -> dial(of, addresses, record.port, initiator));
            } catch (HandshakeException failure) {
                parts.loop.execute(() -> failedIf(of, failure));
            }
        });
    }

    private void dial(int of, List<IpAddress> addresses, int port, Initiator initiator) {
        if (of != attempt || isStopped) return;
        dial = new HandshakeDial(parts.loop, parts.sockets, inOrder(addresses), port, initiator.message1(), new HandshakeDial.Outcome() {
            @Override
            public void connected(SocketChannel channel) {
                fruitless++;
                localAddress = localAddressOf(channel);
                // Before the session begins, and its streams.
                parts.onAddresses.run();
            }

            @Override
            public void message2(SocketChannel channel, SelectionKey key, byte[] message2) {
                dial = null;
                finish(channel, key, initiator, message2);
            }

            @Override
            public void failed(Failure why, boolean lacks) {
                initiator.wipe();
                HubLane.this.failed(why, lacks);
            }
        });
    }

    /** The family that worked last goes first; after a connection to something that was no hub, another address does. */
    private List<IpAddress> inOrder(List<IpAddress> addresses) {
        List<IpAddress> order = Race.inTurns(addresses, ipv6First);
        Collections.rotate(order, -(fruitless % order.size()));
        return order.subList(0, Math.min(order.size(), Bounds.ATTEMPTS_MAX));
    }

    private static InetAddress localAddressOf(SocketChannel channel) {
        try {
            return ((InetSocketAddress) channel.getLocalAddress()).getAddress();
        } catch (IOException broken) {
            return null;
        }
    }

    /** The keys, and the first STATUS, by the worker. */
    private void finish(SocketChannel channel, SelectionKey key, Initiator initiator, byte[] message2) {
        int of = attempt;
        parts.worker.execute(() -> {
            try {
                Initiator.Result result = initiator.finish(message2);
                Message2 payload = Message2.decode(result.payload);
                if (payload.enrolledAs != null) parts.book.enrolled(hub.publicKey, payload.enrolledAs);
                byte[] status = parts.status.json(hub.publicKey);
                parts.loop.execute(() -> open(of, channel, key, result, payload, status));
            } catch (HandshakeException failure) {
                parts.loop.execute(() -> {
                    Channels.closeQuietly(channel);
                    failedIf(of, failure);
                });
            }
        });
    }

    private void open(int of, SocketChannel channel, SelectionKey key, Initiator.Result result, Message2 payload, byte[] status) {
        if (of != attempt || isStopped) {
            Channels.closeQuietly(channel);
            return;
        }
        observed = IpAddress.parse(payload.observedAddress);
        parts.onAddresses.run();
        SessionTerms terms = new SessionTerms(payload.initialWindowBytes, payload.capabilities);
        tunnel = parts.exit.open(hub.publicKey, channel, key, result.sendKey, result.receiveKey, terms, this);
        Arrays.fill(result.sendKey, (byte) 0);
        Arrays.fill(result.receiveKey, (byte) 0);
        tunnel.session().sendStatus(status);
        tunnel.touch();
    }

    // --- Session ---

    @Override
    public void up() {
        backoff.connected(parts.loop.nowMs());
        fruitless = 0;
        lacksNetwork = false;
        if (localAddress != null) ipv6First = localAddress.getAddress().length == 16;
        hub.turns.give(this);
        hub.connected();
    }

    @Override
    public void down(Failure why) {
        tunnel = null;
        failed(why, false);
    }

    private void failedIf(int of, HandshakeException failure) {
        if (of == attempt) failed(new Failure(Failure.Code.HANDSHAKE_FAILED, failure.getMessage()), false);
    }

    /** The dial failed or its session ended: again, after a pause. */
    private void failed(Failure why, boolean lacks) {
        attempt++;
        dial = null;
        localAddress = null;
        lacksNetwork = lacks;
        hub.turns.give(this);
        if (isStopped) {
            hub.changed();
            return;
        }
        long pauseMs = backoff.failed(parts.loop.nowMs(), parts.random.nextDouble());
        long waitMs = Math.max(pauseMs, notBeforeMs - parts.loop.nowMs());
        nextDialMs = parts.loop.nowMs() + waitMs;
        wait = parts.loop.after(waitMs, () -> {
            wait = null;
            start();
        });
        hub.failed(why, waitMs);
    }

    /** Drops the session or dial and makes a new one at once: the network has changed. */
    void redial(Failure why) {
        if (isStopped) return;
        backoff.forget();
        notBeforeMs = 0;
        if (wait == null) leave(why);
        if (wait == null) return;
        wait.cancel();
        wait = null;
        start();
    }

    /** The hub sends this device away: drops the session or dial and makes no other for so long, unless the network changes. */
    void backOff(long waitMs, Failure why) {
        if (isStopped) return;
        notBeforeMs = parts.loop.nowMs() + waitMs;
        if (wait == null) {
            leave(why);
        } else {
            wait.cancel();
            failed(why, lacksNetwork);
        }
    }

    /** Ends what is under way, which is then a failure like any other. */
    private void leave(Failure why) {
        if (tunnel != null) {
            tunnel.close(why);
            return;
        }
        if (asker != null) parts.names.forget(HostName.targetName(parts.book.get(hub.publicKey).host), asker);
        asker = null;
        if (dial != null) dial.cancel();
        failed(why, false);
    }

    /** No dial follows any more; the session lives on until its tunnel is closed. */
    void stop() {
        isStopped = true;
        attempt++;
        if (wait != null) wait.cancel();
        wait = null;
        if (dial != null) dial.cancel();
        dial = null;
        hub.turns.give(this);
    }
}
