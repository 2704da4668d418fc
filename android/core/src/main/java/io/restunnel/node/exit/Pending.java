package io.restunnel.node.exit;

import java.nio.ByteBuffer;

/** Bytes that arrived for a target and that the kernel did not take yet: one array that grows as needed, and none while nothing waits. */
final class Pending {
    private static final int CAPACITY_MIN = 4_096;
    private static final byte[] NONE = new byte[0];

    private byte[] bytes = NONE;
    private int start;
    private int end;

    boolean isEmpty() {
        return start == end;
    }

    int size() {
        return end - start;
    }

    /** What it costs in memory. */
    int heldBytes() {
        return bytes.length;
    }

    byte[] array() {
        return bytes;
    }

    int start() {
        return start;
    }

    /** What remains of the buffer. */
    void add(ByteBuffer from) {
        int length = from.remaining();
        int wanted = size() + length;
        if (wanted > bytes.length) {
            int capacity = Math.max(CAPACITY_MIN, bytes.length);
            while (capacity < wanted) capacity *= 2;
            byte[] bigger = new byte[capacity];
            System.arraycopy(bytes, start, bigger, 0, size());
            end = size();
            start = 0;
            bytes = bigger;
        } else if (bytes.length - end < length) {
            System.arraycopy(bytes, start, bytes, 0, size());
            end = size();
            start = 0;
        }
        from.get(bytes, end, length);
        end += length;
    }

    /** The first ones have left. */
    void left(int count) {
        start += count;
        if (start == end) clear();
    }

    void clear() {
        bytes = NONE;
        start = 0;
        end = 0;
    }
}
