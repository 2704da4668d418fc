package io.restunnel.node.session;

import io.restunnel.node.limits.Protocol;
import io.restunnel.node.wire.Frame;
import java.nio.ByteBuffer;

/** The frames of the record that is being built. One for all sessions of a thread: a record is begun and sealed in one go. */
public final class RecordBuilder {
    /** With less room than this, a record is sealed rather than filled with a sliver of DATA. */
    private static final int DATA_ROOM_MIN_BYTES = 4_096;

    /** Direct: targets' bytes are read into it, and sealed out of it, without a copy. */
    final ByteBuffer plain = ByteBuffer.allocateDirect(Protocol.PLAIN_MAX_BYTES);
    private int length;

    void begin() {
        length = 0;
        plain.clear();
    }

    int length() {
        return length;
    }

    /** Room for a payload. */
    int room() {
        return plain.capacity() - length - Protocol.FRAME_HEADER_BYTES;
    }

    boolean hasRoomForData() {
        return room() >= DATA_ROOM_MIN_BYTES;
    }

    /** Where a payload is written ahead of its frame. */
    int payloadAt() {
        return length + Protocol.FRAME_HEADER_BYTES;
    }

    /** Adds a frame whose payload stands at payloadAt() or will be written there: where it is. There must be room. */
    int frame(int type, int id, int payloadBytes) {
        int payloadAt = payloadAt();
        Frame.writeHeader(plain, length, type, id, payloadBytes);
        length = payloadAt + payloadBytes;
        return payloadAt;
    }

    void frame(int type, int id, byte[] payload) {
        int at = frame(type, id, payload.length);
        plain.clear();
        plain.position(at);
        plain.put(payload);
        plain.clear();
    }

    /** The whole record, for the cipher. */
    ByteBuffer whole() {
        plain.clear();
        plain.limit(length);
        return plain;
    }
}
