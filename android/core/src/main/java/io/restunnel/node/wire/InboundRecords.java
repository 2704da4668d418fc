package io.restunnel.node.wire;

import io.restunnel.node.limits.Protocol;
import io.restunnel.node.noise.RecordCipher;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Records out of a byte stream: however it is cut, each is opened once it is whole. Keeps memory only while part of a record is there. */
public final class InboundRecords {
    /** Takes the plain bytes of one record. They are valid during the call. */
    public interface Sink {
        void record(ByteBuffer plain, int length) throws ProtocolException;
    }

    /** What all sessions of a thread share: a record is handled before the next is opened. Direct, as the cipher likes it. */
    public static final class Memory {
        final ByteBuffer plain = ByteBuffer.allocateDirect(Protocol.RECORD_MAX_BYTES);
        /** A record whose bytes came in several reads. */
        final ByteBuffer sealed = ByteBuffer.allocateDirect(Protocol.LENGTH_BYTES + Protocol.RECORD_MAX_BYTES);
        /** What last held part of a large record: a busy tunnel needs it again at once. */
        private byte[] spare = NONE;

        private byte[] take(int bytes) {
            if (spare.length < bytes || spare.length > 2 * bytes) return new byte[bytes];
            byte[] taken = spare;
            spare = NONE;
            return taken;
        }

        private void give(byte[] bytes) {
            if (bytes.length > spare.length) spare = bytes;
        }
    }

    private static final byte[] NONE = new byte[0];

    private final RecordCipher cipher;
    private final Memory memory;
    /** The first bytes of a record that is not whole, its length in front. */
    private byte[] part = NONE;
    private int partBytes;

    public InboundRecords(RecordCipher cipher, Memory memory) {
        this.cipher = cipher;
        this.memory = memory;
    }

    /** Whether the bytes so far end inside a record. */
    public boolean holdsPart() {
        return partBytes > 0;
    }

    /** Opens and hands on every record that is whole now; how many those were. The buffer's position and limit do not matter. */
    public int receive(ByteBuffer from, int at, int length, Sink sink) throws ProtocolException {
        int end = at + length;
        int records = 0;
        if (partBytes > 0) {
            at += complete(from, at, length);
            int sealed = sealedBytesOfPart();
            if (sealed < 0 || partBytes < Protocol.LENGTH_BYTES + sealed) return 0;
            memory.sealed.clear();
            memory.sealed.put(part, 0, partBytes);
            memory.give(part);
            part = NONE;
            partBytes = 0;
            open(memory.sealed, Protocol.LENGTH_BYTES, sealed, sink);
            records++;
        }
        for (;;) {
            int sealed = sealedBytes(from, at, end - at);
            if (sealed < 0 || end - at < Protocol.LENGTH_BYTES + sealed) break;
            open(from, at + Protocol.LENGTH_BYTES, sealed, sink);
            records++;
            at += Protocol.LENGTH_BYTES + sealed;
        }
        if (at < end) keep(from, at, end - at);
        return records;
    }

    /** The length in front of a record, or -1 while it is not known. */
    private static int sealedBytes(ByteBuffer from, int at, int length) throws ProtocolException {
        return length < Protocol.LENGTH_BYTES ? -1 : checked(from.getShort(at) & 0xffff);
    }

    private int sealedBytesOfPart() throws ProtocolException {
        return partBytes < Protocol.LENGTH_BYTES ? -1 : checked(Frame.readU16(part, 0));
    }

    private static int checked(int sealed) throws ProtocolException {
        if (sealed < Protocol.RECORD_MIN_BYTES) throw new ProtocolException("a record shorter than its tag");
        return sealed;
    }

    private void open(ByteBuffer from, int at, int sealed, Sink sink) throws ProtocolException {
        from.clear();
        from.limit(at + sealed);
        from.position(at);
        memory.plain.clear();
        boolean isAuthentic = cipher.open(from, memory.plain);
        from.clear();
        memory.plain.clear();
        if (!isAuthentic) throw new ProtocolException("a record that does not authenticate");
        sink.record(memory.plain, sealed - Protocol.TAG_BYTES);
    }

    /** Adds what the part lacks; how many bytes that took. */
    private int complete(ByteBuffer from, int at, int length) throws ProtocolException {
        int taken = 0;
        if (partBytes < Protocol.LENGTH_BYTES) {
            part = Arrays.copyOf(part, Protocol.LENGTH_BYTES);
            part[partBytes++] = from.get(at);
            taken = 1;
        }
        int whole = Protocol.LENGTH_BYTES + sealedBytesOfPart();
        int more = Math.min(whole - partBytes, length - taken);
        if (part.length < whole) part = Arrays.copyOf(part, whole);
        copy(from, at + taken, part, partBytes, more);
        partBytes += more;
        return taken + more;
    }

    private void keep(ByteBuffer from, int at, int length) throws ProtocolException {
        int sealed = sealedBytes(from, at, length);
        part = memory.take(sealed < 0 ? 1 : Protocol.LENGTH_BYTES + sealed);
        copy(from, at, part, 0, length);
        partBytes = length;
    }

    private static void copy(ByteBuffer from, int at, byte[] to, int toAt, int length) {
        from.clear();
        from.position(at);
        from.get(to, toAt, length);
        from.clear();
    }
}
