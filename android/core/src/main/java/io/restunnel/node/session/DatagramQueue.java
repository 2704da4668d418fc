package io.restunnel.node.session;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.wire.Frame;
import java.util.ArrayDeque;

/** DATAGRAM frames that wait for the tunnel: a small share of their own, so that they and the streams do not keep each other out. */
final class DatagramQueue {
    private static final class Datagram {
        final TunnelStream stream;
        final byte[] payload;

        Datagram(TunnelStream stream, byte[] payload) {
            this.stream = stream;
            this.payload = payload;
        }
    }

    private final ArrayDeque<Datagram> waiting = new ArrayDeque<>();
    private int waitingBytes;

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    /** False: dropped, there is no room. */
    boolean add(TunnelStream stream, byte[] payload) {
        int bytes = Frame.HEADER_BYTES + payload.length;
        if (waitingBytes > 0 && waitingBytes + bytes > Bounds.DATAGRAM_SHARE_BYTES) return false;
        waiting.add(new Datagram(stream, payload));
        waitingBytes += bytes;
        return true;
    }

    /** Writes what fits. Of associations that are over nothing is sent. Returns the bytes of payload written. */
    int write(RecordBuilder record) {
        int written = 0;
        while (!waiting.isEmpty() && record.room() >= waiting.peek().payload.length) {
            Datagram datagram = waiting.poll();
            waitingBytes -= Frame.HEADER_BYTES + datagram.payload.length;
            if (datagram.stream.closing) continue;
            record.frame(Frame.DATAGRAM, datagram.stream.id, datagram.payload);
            written += datagram.payload.length;
        }
        return written;
    }
}
