package io.restunnel.node.noise;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** The encrypted payload of the second message: what the hub says of the session. */
public final class Message2 {
    public static final int WINDOW_MAX_BYTES = 16_777_216;
    private static final int STREAMS_MAX = 65_536;
    private static final int ENROLL_OK = 0x02;
    private static final Pattern ADDRESS = Pattern.compile("[0-9A-Fa-f:.]{0,45}");
    private static final Pattern NODE_ID = Pattern.compile("[0-9a-f]{16}");

    public final int capabilities;
    /** Credit of every stream in each direction before the first WINDOW. */
    public final int initialWindowBytes;
    /** How many streams the hub will have open at once. */
    public final int streamsMax;
    /** The node's address as the hub sees it, an IP literal or empty. */
    public final String observedAddress;
    /** What the hub calls this node: the answer to ENROLL. Null without one. */
    public final String enrolledAs;

    private Message2(int capabilities, int initialWindowBytes, int streamsMax, String observedAddress, String enrolledAs) {
        this.capabilities = capabilities;
        this.initialWindowBytes = initialWindowBytes;
        this.streamsMax = streamsMax;
        this.observedAddress = observedAddress;
        this.enrolledAs = enrolledAs;
    }

    public static Message2 decode(byte[] bytes) throws HandshakeException {
        try {
            return read(ByteBuffer.wrap(bytes));
        } catch (BufferUnderflowException cutShort) {
            throw malformed("it is cut short");
        }
    }

    private static Message2 read(ByteBuffer payload) throws HandshakeException {
        int version = payload.get() & 0xff;
        if (version != Message1.VERSION) {
            throw new HandshakeException("the hub speaks version " + version + ", this node " + Message1.VERSION);
        }
        int capabilities = payload.getInt();
        int window = payload.getInt();
        int streams = payload.getInt();
        String address = text(payload, payload.get() & 0xff);
        byte[] frameBytes = bytes(payload, payload.getShort() & 0xffff);
        if (window < 1 || window > WINDOW_MAX_BYTES) throw malformed("its initial window is out of bounds");
        if (streams < 1 || streams > STREAMS_MAX) throw malformed("its number of streams is out of bounds");
        if (!ADDRESS.matcher(address).matches()) throw malformed("its observed address is no IP literal");
        return new Message2(capabilities, window, streams, address, readEnrollOk(ByteBuffer.wrap(frameBytes)));
    }

    /** Other frames are skipped. */
    private static String readEnrollOk(ByteBuffer frames) throws HandshakeException {
        String enrolledAs = null;
        while (frames.hasRemaining()) {
            int type = frames.get() & 0xff;
            int id = frames.getInt();
            byte[] content = bytes(frames, frames.getInt());
            if (type != ENROLL_OK) continue;
            if (enrolledAs != null || id != 0) throw malformed("it has two ENROLL_OK, or one not on the session");
            enrolledAs = new String(content, StandardCharsets.ISO_8859_1);
            if (!NODE_ID.matcher(enrolledAs).matches()) throw malformed("its node id is none");
        }
        return enrolledAs;
    }

    private static String text(ByteBuffer from, int length) {
        return new String(bytes(from, length), StandardCharsets.ISO_8859_1);
    }

    private static byte[] bytes(ByteBuffer from, int length) {
        if (length < 0 || length > from.remaining()) throw new BufferUnderflowException();
        byte[] bytes = new byte[length];
        from.get(bytes);
        return bytes;
    }

    private static HandshakeException malformed(String why) {
        return new HandshakeException("the handshake failed: the hub's answer is malformed, " + why);
    }
}
