package io.restunnel.node.exit;

import io.restunnel.node.Sockets;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.loop.Channels;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.loop.Timer;
import io.restunnel.node.policy.IpAddress;
import io.restunnel.node.wire.Reason;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * A connection to the first of several addresses that answers (RFC 8305, Happy Eyeballs): families take turns, each attempt has a head
 * start of a quarter of a second.
 */
public final class Race {
    /** Exactly one call, never from inside start(), unless the race is cancelled first. */
    public interface Outcome {
        /** The channel is not blocking, and registered with the loop for nothing: attach a handler to the key. */
        void connected(SocketChannel channel, SelectionKey key);

        /** @param message of the system's, for a log */
        void failed(Reason reason, String message);
    }

    private final Loop loop;
    private final Sockets sockets;
    private final List<IpAddress> addresses;
    private final int port;
    private final long timeoutMs;
    private final long deadlineMs;
    private final BooleanSupplier mayRace;
    private final Outcome outcome;
    /** Under way, the oldest first. */
    private final List<SocketChannel> attempts = new ArrayList<>();
    private int next;
    private Timer delay;
    private Timer deadline;
    private Reason reason = Reason.INTERNAL;
    private String message = "no address";
    private boolean isOver;

    private Race(Loop loop, Sockets sockets, List<IpAddress> addresses, int port, long timeoutMs, BooleanSupplier mayRace, Outcome outcome) {
        this.loop = loop;
        this.sockets = sockets;
        this.addresses = addresses;
        this.port = port;
        this.timeoutMs = timeoutMs;
        this.deadlineMs = loop.nowMs() + timeoutMs;
        this.mayRace = mayRace;
        this.outcome = outcome;
    }

    /**
     * @param addresses in the order of preference, see inTurns(); one at least
     * @param mayRace   whether there are descriptors for one more attempt beside those under way
     */
    public static Race start(Loop loop, Sockets sockets, List<IpAddress> addresses, int port, long timeoutMs, BooleanSupplier mayRace,
            Outcome outcome) {
        Race race = new Race(loop, sockets, addresses, port, timeoutMs, mayRace, outcome);
        race.deadline = loop.after(timeoutMs, () -> race.fail(Reason.TIMED_OUT, "ETIMEDOUT"));
        race.attempt();
        return race;
    }

    /** RFC 8305, section 4: families take turns, each in its own order. */
    public static List<IpAddress> inTurns(List<IpAddress> addresses, boolean ipv6First) {
        List<IpAddress> first = new ArrayList<>();
        List<IpAddress> second = new ArrayList<>();
        for (IpAddress address : addresses) (address.isIpv6() == ipv6First ? first : second).add(address);
        List<IpAddress> turns = new ArrayList<>();
        for (int i = 0; i < Math.max(first.size(), second.size()); i++) {
            if (i < first.size()) turns.add(first.get(i));
            if (i < second.size()) turns.add(second.get(i));
        }
        return turns;
    }

    private void attempt() {
        IpAddress address = addresses.get(next++);
        if (next < addresses.size()) delay = loop.after(Bounds.ATTEMPT_DELAY_MS, this::delayOver);
        SocketChannel channel = null;
        try {
            channel = sockets.openTcp();
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
            attempts.add(channel);
            SocketChannel opened = channel;
            SelectionKey key = loop.register(channel, SelectionKey.OP_CONNECT, ready -> finish(opened, ready));
            if (!channel.connect(new InetSocketAddress(address.toInetAddress(), port))) return;
            // Loopback may connect at once.
            loop.atEndOfTurn(() -> {
                if (!isOver) connected(opened, key);
            });
        } catch (IOException | RuntimeException failure) {
            // Not from inside start().
            SocketChannel failed = channel;
            loop.atEndOfTurn(() -> attemptFailed(failed, failure));
        }
    }

    private void finish(SocketChannel channel, SelectionKey key) {
        try {
            if (channel.finishConnect()) connected(channel, key);
        } catch (IOException failure) {
            attemptFailed(channel, failure);
        }
    }

    private void connected(SocketChannel channel, SelectionKey key) {
        attempts.remove(channel);
        cancel();
        key.interestOps(0);
        outcome.connected(channel, key);
    }

    private void attemptFailed(SocketChannel channel, Exception failure) {
        if (channel != null) {
            attempts.remove(channel);
            Channels.closeQuietly(channel);
        }
        if (isOver) return;
        Reason why = ConnectErrors.reasonOf(failure);
        reason = reason.orMoreTelling(why);
        message = ConnectErrors.codeOf(why, failure);
        if (next < addresses.size()) {
            // No need to wait: the one before has failed.
            if (delay != null) delay.cancel();
            attempt();
        } else if (attempts.isEmpty()) {
            fail(why, message);
        }
    }

    private void delayOver() {
        boolean isAlone = !mayRace.getAsBoolean();
        int parts = Math.min(addresses.size(), Bounds.ATTEMPTS_MAX);
        // Without descriptors for a race, the addresses follow each other, each with its part of the time.
        if (isAlone && loop.nowMs() - (deadlineMs - timeoutMs) < next * timeoutMs / parts) {
            delay = loop.after(Bounds.ATTEMPT_DELAY_MS, this::delayOver);
            return;
        }
        if (!attempts.isEmpty() && (isAlone || attempts.size() >= Bounds.ATTEMPTS_MAX)) {
            Channels.closeQuietly(attempts.remove(0));
            reason = reason.orMoreTelling(Reason.TIMED_OUT);
        }
        attempt();
    }

    private void fail(Reason why, String text) {
        if (isOver) return;
        cancel();
        outcome.failed(reason.orMoreTelling(why), text);
    }

    /** Ends every attempt. No call comes any more. */
    public void cancel() {
        isOver = true;
        deadline.cancel();
        if (delay != null) delay.cancel();
        for (SocketChannel attempt : attempts) Channels.closeQuietly(attempt);
        attempts.clear();
    }
}
