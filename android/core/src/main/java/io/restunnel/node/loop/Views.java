package io.restunnel.node.loop;

import java.nio.ByteBuffer;

/** Buffers over the arrays that one thread moves bytes through: there are few arrays and many moves. */
public final class Views {
    private static final int KEPT = 4;

    private final ByteBuffer[] views = new ByteBuffer[KEPT];
    private int next;

    /** Valid until the next call. */
    public ByteBuffer of(byte[] bytes, int at, int length) {
        for (ByteBuffer view : views) {
            if (view != null && view.array() == bytes) {
                view.clear();
                view.limit(at + length);
                view.position(at);
                return view;
            }
        }
        ByteBuffer view = ByteBuffer.wrap(bytes, at, length);
        views[next++ % KEPT] = view;
        return view;
    }
}
