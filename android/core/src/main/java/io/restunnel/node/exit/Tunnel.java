package io.restunnel.node.exit;

import io.restunnel.node.Failure;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.loop.Channels;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.loop.Timer;
import io.restunnel.node.noise.RecordCipher;
import io.restunnel.node.session.Session;
import io.restunnel.node.session.SessionTerms;
import io.restunnel.node.session.WindowBudget;
import io.restunnel.node.wire.InboundRecords;
import io.restunnel.node.wire.ProtocolException;
import io.restunnel.node.wire.SendQueue;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;

/** The connection to a hub and the session on it. Sends once a turn what the session has gathered. */
public final class Tunnel implements Loop.Handler {
    /** What becomes of a tunnel. */
    public interface Owner {
        /** The hub's first record came: the node is connected. */
        void up();

        /** It is closed, once. */
        void down(Failure why);
    }

    public final String hub;
    private final Exit exit;
    private final SocketChannel channel;
    private final SelectionKey key;
    private final Owner owner;
    private final SendQueue queue;
    private final Session session;
    private final InetAddress localAddress;
    private final Load.OfHub load;
    private final Runnable reading = this::read;
    private final Runnable flushing = this::flush;
    private final Runnable sending = () -> guarded(flushing);
    private Timer tick;
    private Timer pace;
    private long movedBytes;
    private boolean isTouched;
    private boolean isUp;
    private boolean isLastPingSent;
    private boolean isClosed;
    int associations;

    Tunnel(Exit exit, String hub, SocketChannel channel, SelectionKey key, byte[] sendKey, byte[] receiveKey, SessionTerms terms, Owner owner) {
        this.exit = exit;
        this.hub = hub;
        this.channel = channel;
        this.key = key;
        this.owner = owner;
        this.load = exit.load.of(hub);
        queue = new SendQueue(new RecordCipher(sendKey), exit.queues);
        session = new Session(terms, new InboundRecords(new RecordCipher(receiveKey), exit.inbound), queue, exit.record,
                new WindowBudget(Bounds.WINDOWS_SESSION_BYTES, exit.windows), new HubStreams(exit, this), exit.loop.nowMs());
        localAddress = addressOf(channel);
        key.attach(this);
        Channels.setInterest(key, SelectionKey.OP_READ, true);
        tick = exit.loop.after(session.tickDueMs() - exit.loop.nowMs(), this::tick);
    }

    private static InetAddress addressOf(SocketChannel channel) {
        try {
            return ((InetSocketAddress) channel.getLocalAddress()).getAddress();
        } catch (IOException broken) {
            return null;
        }
    }

    public Session session() {
        return session;
    }

    /** Of our end; null when it broke at once. */
    public InetAddress localAddress() {
        return localAddress;
    }

    public boolean isUp() {
        return isUp && !isClosed;
    }

    /**
     * Whether the hub has all that was sent: it has answered a PING behind it. Closing sooner could lose bytes, because a connection that is
     * closed with bytes unread ends with an RST.
     */
    boolean isDelivered() {
        if (!isUp) return true;
        if (isTouched || queue.waitingBytes() > 0 || session.hasMore(exit.loop.nowMs())) return false;
        if (!isLastPingSent) {
            isLastPingSent = true;
            session.ping(exit.loop.nowMs());
            touch();
            return false;
        }
        return !session.isPingUnanswered();
    }

    /** The session has something to send: at the end of this turn it does. */
    public void touch() {
        if (isTouched || isClosed) return;
        isTouched = true;
        exit.loop.atEndOfTurn(sending);
    }

    // --- From the hub ---

    @Override
    public void ready(SelectionKey ready) {
        if (ready.isWritable()) touch();
        if (ready.isReadable()) guarded(reading);
    }

    /** A fault of our own leaves a session whose state nobody knows: it ends, and the next one begins anew. */
    private void guarded(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException fault) {
            close(new Failure(Failure.Code.INTERNAL_ERROR));
            throw fault;
        }
    }

    private void read() {
        ByteBuffer bytes = exit.tunnelBytes;
        bytes.clear();
        try {
            int read = channel.read(bytes);
            if (read < 0) close(new Failure(Failure.Code.HUB_CLOSED));
            if (read <= 0) return;
            session.receive(bytes, 0, read, exit.loop.nowMs());
        } catch (ProtocolException broken) {
            close(new Failure(Failure.Code.PROTOCOL_BROKEN, broken.getMessage()));
        } catch (IOException broken) {
            close(new Failure(Failure.Code.CONNECTION_BROKE, broken.getMessage()));
        }
        if (isClosed) return;
        if (session.isProven() && !isUp) {
            isUp = true;
            // Not sooner: the answer would come before the hub can send streams, and would say that it does.
            session.ping(exit.loop.nowMs());
            owner.up();
        }
        touch();
    }

    // --- To the hub ---

    private void flush() {
        isTouched = false;
        if (isClosed) return;
        long nowMs = exit.loop.nowMs();
        long start = queue.sealedBytes();
        boolean hasMore;
        do {
            hasMore = session.fill(nowMs, Bounds.TUNNEL_TURN_BYTES);
            if (!write()) return;
        } while (hasMore && queue.waitingBytes() == 0 && queue.sealedBytes() - start < Bounds.TUNNEL_TURN_BYTES);
        Channels.setInterest(key, SelectionKey.OP_WRITE, queue.waitingBytes() > 0);
        if (hasMore && queue.waitingBytes() == 0) touch();
        schedulePace(nowMs);
        long moved = session.sentBytes() + session.receivedBytes();
        if (moved != movedBytes) exit.onBytesMoved.run();
        movedBytes = moved;
    }

    /** False: the connection broke. */
    private boolean write() {
        ByteBuffer waiting = queue.waiting();
        if (waiting == null) return true;
        try {
            channel.write(waiting);
        } catch (IOException broken) {
            close(new Failure(Failure.Code.CONNECTION_BROKE, broken.getMessage()));
            return false;
        }
        queue.taken();
        return true;
    }

    private void schedulePace(long nowMs) {
        long dueInMs = session.paceDueInMs(nowMs);
        if (dueInMs <= 0 || pace != null) return;
        pace = exit.loop.after(dueInMs, () -> {
            pace = null;
            touch();
        });
    }

    private void tick() {
        if (isClosed) return;
        long nowMs = exit.loop.nowMs();
        Failure death = session.tick(nowMs);
        if (death != null) {
            close(death);
            return;
        }
        touch();
        // Bytes that come meanwhile put it off, so that an idle phone wakes no more often than it must.
        tick = exit.loop.after(Math.max(1, session.tickDueMs() - nowMs), this::tick);
    }

    /** Ends the session: its streams are reset. */
    public void close(Failure why) {
        if (isClosed) return;
        isClosed = true;
        tick.cancel();
        if (pace != null) pace.cancel();
        session.release();
        load.sentBefore += session.sentBytes();
        load.receivedBefore += session.receivedBytes();
        exit.tunnels.remove(this);
        Channels.closeQuietly(channel);
        owner.down(why);
    }
}
