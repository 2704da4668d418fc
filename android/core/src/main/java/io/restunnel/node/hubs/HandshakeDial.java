package io.restunnel.node.hubs;

import io.restunnel.node.Failure;
import io.restunnel.node.Sockets;
import io.restunnel.node.exit.Race;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.limits.Protocol;
import io.restunnel.node.loop.Channels;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.loop.Timer;
import io.restunnel.node.noise.Initiator;
import io.restunnel.node.policy.IpAddress;
import io.restunnel.node.wire.Frame;
import io.restunnel.node.wire.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.List;

/** One dial to a hub up to its second message. */
final class HandshakeDial implements Race.Outcome, Loop.Handler {
    /** One call, unless the dial is cancelled first. */
    interface Outcome {
        /** The key's attachment and interest are the caller's to set. What follows in the socket are records. */
        void message2(SocketChannel channel, SelectionKey key, byte[] message2);

        void failed(Failure why, boolean lacksNetwork);

        /** The connection stands: this is our end of it. */
        void connected(SocketChannel channel);
    }

    private final byte[] message1;
    private final Outcome outcome;
    private final Race race;
    private final Timer deadline;
    private final ByteBuffer received = ByteBuffer.allocate(Protocol.LENGTH_BYTES + Initiator.MESSAGE_MAX_BYTES);
    private SocketChannel channel;
    private boolean isOver;

    HandshakeDial(Loop loop, Sockets sockets, List<IpAddress> addresses, int port, byte[] message1, Outcome outcome) {
        this.message1 = message1;
        this.outcome = outcome;
        deadline = loop.after(Bounds.HANDSHAKE_TIMEOUT_MS, () -> fail(channel == null ? Failure.Code.DIAL_TIMED_OUT : Failure.Code.NOT_LET_IN));
        race = Race.start(loop, sockets, addresses, port, Bounds.HANDSHAKE_TIMEOUT_MS, () -> true, this);
    }

    @Override
    public void connected(SocketChannel connected, SelectionKey key) {
        channel = connected;
        outcome.connected(channel);
        ByteBuffer first = ByteBuffer.allocate(Protocol.LENGTH_BYTES + message1.length);
        first.putShort((short) message1.length).put(message1).flip();
        try {
            channel.write(first);
            if (first.hasRemaining()) throw new IOException("it takes no bytes");
        } catch (IOException broken) {
            fail(new Failure(Failure.Code.CONNECTION_BROKE, broken.getMessage()), false);
            return;
        }
        received.limit(Protocol.LENGTH_BYTES);
        key.attach(this);
        key.interestOps(SelectionKey.OP_READ);
    }

    @Override
    public void failed(Reason reason, String message) {
        fail(new Failure(Failure.Code.CANNOT_CONNECT, message), reason == Reason.NO_ROUTE);
    }

    /** Reads the second message to its last byte and no further. */
    @Override
    public void ready(SelectionKey key) {
        try {
            if (channel.read(received) < 0) {
                fail(Failure.Code.NOT_LET_IN);
                return;
            }
        } catch (IOException broken) {
            fail(new Failure(Failure.Code.CONNECTION_BROKE, broken.getMessage()), false);
            return;
        }
        if (received.hasRemaining()) return;
        int length = Frame.readU16(received.array(), 0);
        if (length < Initiator.MESSAGE2_MIN_BYTES || length > Initiator.MESSAGE_MAX_BYTES) {
            fail(Failure.Code.NOT_A_HUB);
        } else if (received.limit() == Protocol.LENGTH_BYTES) {
            received.limit(Protocol.LENGTH_BYTES + length);
            ready(key);
        } else {
            isOver = true;
            deadline.cancel();
            key.interestOps(0);
            byte[] message2 = new byte[length];
            System.arraycopy(received.array(), Protocol.LENGTH_BYTES, message2, 0, length);
            outcome.message2(channel, key, message2);
        }
    }

    private void fail(Failure.Code why) {
        fail(new Failure(why), false);
    }

    private void fail(Failure why, boolean lacksNetwork) {
        if (isOver) return;
        cancel();
        outcome.failed(why, lacksNetwork);
    }

    /** Ends it. No call comes any more. */
    void cancel() {
        if (isOver) return;
        isOver = true;
        deadline.cancel();
        race.cancel();
        if (channel != null) Channels.closeQuietly(channel);
    }
}
