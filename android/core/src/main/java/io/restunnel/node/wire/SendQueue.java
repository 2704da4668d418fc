package io.restunnel.node.wire;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.limits.Protocol;
import io.restunnel.node.noise.RecordCipher;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/** Sealed records that wait for a tunnel's socket. Has memory only while something waits. */
public final class SendQueue {
    private static final int CAPACITY = Bounds.TUNNEL_QUEUE_BYTES + Protocol.LENGTH_BYTES + Protocol.RECORD_MAX_BYTES;

    /** Memory for the queues of all sessions of a thread. */
    public static final class Pool {
        private final ArrayDeque<byte[]> free = new ArrayDeque<>();

        private byte[] take() {
            byte[] bytes = free.poll();
            return bytes != null ? bytes : new byte[CAPACITY];
        }

        private void give(byte[] bytes) {
            if (free.size() < Bounds.FREE_QUEUES_MAX) free.push(bytes);
        }
    }

    private final RecordCipher cipher;
    private final Pool pool;
    /** Null while nothing waits. */
    private ByteBuffer queue;
    /** Up to which the queue holds sealed bytes; it begins at queue.position(). */
    private int end;
    private long sealedBytes;

    public SendQueue(RecordCipher cipher, Pool pool) {
        this.cipher = cipher;
        this.pool = pool;
    }

    public int waitingBytes() {
        return queue == null ? 0 : end - queue.position();
    }

    /** All that was ever sealed. */
    public long sealedBytes() {
        return sealedBytes;
    }

    public boolean isFull() {
        return waitingBytes() >= Bounds.TUNNEL_QUEUE_BYTES;
    }

    /** Seals one record. Not while it is full. */
    public void seal(byte[] plain, int length) {
        int sealed = length + Protocol.TAG_BYTES;
        if (queue == null) {
            queue = ByteBuffer.wrap(pool.take());
            end = 0;
        } else if (CAPACITY - end < Protocol.LENGTH_BYTES + sealed) {
            queue.limit(end);
            queue.compact();
            end = queue.position();
            queue.position(0);
        }
        byte[] bytes = queue.array();
        bytes[end] = (byte) (sealed >>> 8);
        bytes[end + 1] = (byte) sealed;
        cipher.seal(plain, 0, length, bytes, end + Protocol.LENGTH_BYTES);
        end += Protocol.LENGTH_BYTES + sealed;
        sealedBytes += Protocol.LENGTH_BYTES + sealed;
    }

    /** What waits, for a socket: it moves the position. Null: nothing. Call taken() afterwards. */
    public ByteBuffer waiting() {
        if (queue != null) queue.limit(end);
        return queue;
    }

    public void taken() {
        queue.limit(queue.capacity());
        if (queue.position() == end) release();
    }

    /** The session is over. */
    public void release() {
        if (queue != null) pool.give(queue.array());
        queue = null;
    }
}
