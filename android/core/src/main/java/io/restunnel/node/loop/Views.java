package io.restunnel.node.loop;

import java.nio.ByteBuffer;

/** Windows on the buffers that one thread moves bytes through, whose own position and limit stay as they are: few buffers, many moves. */
public final class Views {
    private static final int KEPT = 4;

    private final ByteBuffer[] buffers = new ByteBuffer[KEPT];
    private final ByteBuffer[] views = new ByteBuffer[KEPT];
    private int next;

    /** Valid until the next call. */
    public ByteBuffer of(ByteBuffer buffer, int at, int length) {
        ByteBuffer view = viewOf(buffer);
        view.clear();
        view.limit(at + length);
        view.position(at);
        return view;
    }

    private ByteBuffer viewOf(ByteBuffer buffer) {
        for (int i = 0; i < KEPT; i++) if (buffers[i] == buffer) return views[i];
        int taken = next++ % KEPT;
        buffers[taken] = buffer;
        views[taken] = buffer.duplicate();
        return views[taken];
    }
}
