package io.restunnel.node.exit;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.loop.Channels;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.loop.Timer;
import io.restunnel.node.session.LocalStream;
import io.restunnel.node.session.TunnelStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;

/** The device's end of a stream: the connection to its target, from the first dial to the last byte. */
final class TargetStream implements LocalStream, Loop.Handler {
    private final Exit exit;
    private final Tunnel tunnel;
    private final TunnelStream stream;
    private final Load.OfHub load;
    private final Pending pending = new Pending();
    /** Ends the dial under way; null: none. */
    Runnable cancelDial;
    /** Null until the target is connected. */
    private SocketChannel channel;
    private SelectionKey key;
    private Timer linger;
    private boolean isClosed;

    TargetStream(Exit exit, Tunnel tunnel, TunnelStream stream, Load.OfHub load) {
        this.exit = exit;
        this.tunnel = tunnel;
        this.stream = stream;
        this.load = load;
        exit.load.opened(load, 1);
    }

    // --- Dial ---

    /** What the hub has sent meanwhile goes to the target. */
    void connected(SocketChannel target, SelectionKey targetKey) {
        cancelDial = null;
        channel = target;
        key = targetKey;
        key.attach(this);
        Channels.setInterest(key, SelectionKey.OP_READ, true);
        tunnel.session().accept(stream);
        tunnel.touch();
        flushPending();
    }

    /** The hub has its answer. */
    void refused() {
        cancelDial = null;
        close(false);
    }

    // --- Hub to target ---

    @Override
    public int receive(ByteBuffer from, int at, int length) {
        int taken = 0;
        if (channel != null && pending.isEmpty()) {
            taken = write(exit.views.of(from, at, length));
            if (taken < 0) return 0;
            if (taken == length) return taken;
        }
        int heldBefore = pending.heldBytes();
        pending.add(exit.views.of(from, at + taken, length - taken));
        exit.load.holds(load, pending.heldBytes() - heldBefore);
        if (key != null) Channels.setInterest(key, SelectionKey.OP_WRITE, true);
        if (exit.load.mustGiveUp(load)) {
            exit.giveUp(tunnel, stream);
            return 0;
        }
        return taken;
    }

    /** How much the target took; -1: it broke, and the stream is over. */
    private int write(ByteBuffer bytes) {
        try {
            return channel.write(bytes);
        } catch (IOException broken) {
            broke();
            return -1;
        }
    }

    @Override
    public void ended() {
        if (channel != null) flushPending();
    }

    private void flushPending() {
        int taken = 0;
        if (!pending.isEmpty()) {
            taken = write(ByteBuffer.wrap(pending.array(), pending.start(), pending.size()));
            if (taken < 0) return;
            int heldBefore = pending.heldBytes();
            pending.left(taken);
            exit.load.holds(load, pending.heldBytes() - heldBefore);
        }
        if (taken > 0) {
            tunnel.session().consumed(stream, taken);
            tunnel.touch();
        }
        Channels.setInterest(key, SelectionKey.OP_WRITE, !pending.isEmpty());
        if (pending.isEmpty() && stream.hasEndedThere()) endTarget();
        else if (!stream.isLive()) lingerOn(taken > 0);
    }

    /** The target has all that the hub sent. */
    private void endTarget() {
        if (!stream.isLive()) {
            close(false);
            return;
        }
        try {
            channel.shutdownOutput();
        } catch (IOException broken) {
            broke();
        }
    }

    /** For the hub the stream is over, and the target has not taken its last bytes yet. */
    private void lingerOn(boolean isMoving) {
        if (isClosed || linger != null && !isMoving) return;
        if (linger != null) linger.cancel();
        linger = exit.loop.after(Bounds.LINGER_MS, () -> close(true));
    }

    // --- Target to hub ---

    @Override
    public void ready(SelectionKey ready) {
        if (ready.isWritable()) flushPending();
        if (isClosed || !ready.isValid() || !ready.isReadable()) return;
        // It waits for its turn already: the selector need not say so again.
        if (tunnel.session().waits(stream)) {
            Channels.setInterest(key, SelectionKey.OP_READ, false);
            return;
        }
        tunnel.session().readable(stream);
        tunnel.touch();
    }

    @Override
    public int read(ByteBuffer to, int at, int length) {
        try {
            int read = channel.read(exit.views.of(to, at, length));
            if (read >= 0) return read;
        } catch (IOException broken) {
            return BROKEN;
        }
        Channels.setInterest(key, SelectionKey.OP_READ, false);
        exit.loop.atEndOfTurn(this::closeIfOver);
        return END;
    }

    @Override
    public void drained() {
        Channels.setInterest(key, SelectionKey.OP_READ, true);
    }

    /** Both directions have ended, the target's last. */
    private void closeIfOver() {
        if (isClosed || stream.isLive()) return;
        if (pending.isEmpty()) close(false);
        else lingerOn(false);
    }

    // --- The end ---

    private void broke() {
        if (stream.isLive()) {
            tunnel.session().abort(stream);
            tunnel.touch();
        } else {
            close(true);
        }
    }

    @Override
    public void aborted() {
        close(true);
    }

    private void close(boolean isReset) {
        if (isClosed) return;
        isClosed = true;
        if (cancelDial != null) cancelDial.run();
        if (linger != null) linger.cancel();
        exit.load.opened(load, -1);
        exit.load.holds(load, -pending.heldBytes());
        pending.clear();
        if (channel == null) return;
        if (isReset) Channels.reset(channel);
        else Channels.closeQuietly(channel);
    }

    @Override
    public void datagram(ByteBuffer from, int at, int headerBytes, int length) {
        throw new IllegalStateException("a datagram on a stream of bytes");
    }
}
