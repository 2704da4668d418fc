package io.restunnel.node.loop;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;

/** What sockets and their keys are told to do. */
public final class Channels {
    private Channels() {
    }

    public static void closeQuietly(Closeable channel) {
        try {
            channel.close();
        } catch (IOException alreadyGone) {
            // It is closed all the same.
        }
    }

    /** Ends the connection with an RST, so that the other end does not take half for the whole. */
    public static void reset(SocketChannel channel) {
        try {
            channel.setOption(StandardSocketOptions.SO_LINGER, 0);
        } catch (IOException | UnsupportedOperationException alreadyGone) {
            // A plain close, then.
        }
        closeQuietly(channel);
    }

    /** A change costs a system call, so none is made for what is set already. */
    public static void setInterest(SelectionKey key, int ops, boolean isWanted) {
        if (!key.isValid()) return;
        int before = key.interestOps();
        int after = isWanted ? before | ops : before & ~ops;
        if (after != before) key.interestOps(after);
    }
}
