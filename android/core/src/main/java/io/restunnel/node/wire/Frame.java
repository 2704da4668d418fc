package io.restunnel.node.wire;

import io.restunnel.node.limits.Protocol;
import java.nio.ByteBuffer;

/** Frame types, and the header: type u8, id u32, length u32, big-endian. */
public final class Frame {
    public static final int PING = 0x03;
    public static final int PONG = 0x04;
    public static final int GOAWAY = 0x05;
    public static final int CONNECT = 0x10;
    public static final int CONNECT_OK = 0x11;
    public static final int CONNECT_FAIL = 0x12;
    public static final int UDP_OPEN = 0x13;
    public static final int DATA = 0x20;
    public static final int CLOSE = 0x21;
    public static final int WINDOW = 0x22;
    public static final int DATAGRAM = 0x23;
    public static final int STATUS = 0x30;
    public static final int CONTROL = 0x31;

    public static final int HEADER_BYTES = Protocol.FRAME_HEADER_BYTES;

    /** Reasons of CLOSE. */
    public static final int END = 0;
    public static final int ABORT = 1;

    private Frame() {
    }

    public static void writeHeader(byte[] to, int at, int type, int id, int length) {
        to[at] = (byte) type;
        writeU32(to, at + 1, id);
        writeU32(to, at + 5, length);
    }

    public static void writeHeader(ByteBuffer to, int at, int type, int id, int length) {
        to.put(at, (byte) type);
        to.putInt(at + 1, id);
        to.putInt(at + 5, length);
    }

    /** Bytes of a buffer as an array of their own. */
    public static byte[] copy(ByteBuffer from, int at, int length) {
        byte[] copy = new byte[length];
        for (int i = 0; i < length; i++) copy[i] = from.get(at + i);
        return copy;
    }

    public static int readU32(byte[] from, int at) {
        return (from[at] & 0xff) << 24 | (from[at + 1] & 0xff) << 16 | (from[at + 2] & 0xff) << 8 | from[at + 3] & 0xff;
    }

    public static void writeU32(byte[] to, int at, int value) {
        to[at] = (byte) (value >>> 24);
        to[at + 1] = (byte) (value >>> 16);
        to[at + 2] = (byte) (value >>> 8);
        to[at + 3] = (byte) value;
    }

    public static int readU16(byte[] from, int at) {
        return (from[at] & 0xff) << 8 | from[at + 1] & 0xff;
    }
}
