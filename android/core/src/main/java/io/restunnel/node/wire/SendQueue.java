package io.restunnel.node.wire;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.limits.Protocol;
import io.restunnel.node.noise.RecordCipher;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/** Sealed records that wait for a tunnel's socket. Has memory only while something waits. */
public final class SendQueue {
    private static final int CAPACITY = Bounds.TUNNEL_QUEUE_BYTES + Protocol.LENGTH_BYTES + Protocol.RECORD_MAX_BYTES;

    /** Memory for the queues of all sessions of a thread. Direct: the cipher writes into it and the kernel reads from it without a copy. */
    public static final class Pool {
        private final ArrayDeque<ByteBuffer> free = new ArrayDeque<>();

        private ByteBuffer take() {
            ByteBuffer buffer = free.poll();
            return buffer != null ? buffer : ByteBuffer.allocateDirect(CAPACITY);
        }

        private void give(ByteBuffer buffer) {
            if (free.size() < Bounds.FREE_QUEUES_MAX) free.push(buffer);
        }
    }

    private final RecordCipher cipher;
    private final Pool pool;
    /** Null while nothing waits. */
    private ByteBuffer queue;
    /** What waits lies between these two. */
    private int start;
    private int end;
    private long sealedBytes;

    public SendQueue(RecordCipher cipher, Pool pool) {
        this.cipher = cipher;
        this.pool = pool;
    }

    public int waitingBytes() {
        return end - start;
    }

    /** All that was ever sealed. */
    public long sealedBytes() {
        return sealedBytes;
    }

    public boolean isFull() {
        return waitingBytes() >= Bounds.TUNNEL_QUEUE_BYTES;
    }

    /** Seals one record out of what remains of a buffer. Not while the queue is full. */
    public void seal(ByteBuffer plain) {
        int sealed = plain.remaining() + Protocol.TAG_BYTES;
        if (queue == null) queue = pool.take();
        else if (CAPACITY - end < Protocol.LENGTH_BYTES + sealed) moveToFront();
        queue.clear();
        queue.putShort(end, (short) sealed);
        queue.position(end + Protocol.LENGTH_BYTES);
        cipher.seal(plain, queue);
        end += Protocol.LENGTH_BYTES + sealed;
        sealedBytes += Protocol.LENGTH_BYTES + sealed;
    }

    private void moveToFront() {
        waiting().compact();
        end -= start;
        start = 0;
    }

    /** What waits, for a socket: it moves the position. Null: nothing. Call taken() afterwards. */
    public ByteBuffer waiting() {
        if (queue == null) return null;
        queue.clear();
        queue.limit(end);
        queue.position(start);
        return queue;
    }

    public void taken() {
        start = queue.position();
        if (start == end) release();
    }

    /** The session is over, or nothing waits. */
    public void release() {
        if (queue != null) pool.give(queue);
        queue = null;
        start = 0;
        end = 0;
    }
}
