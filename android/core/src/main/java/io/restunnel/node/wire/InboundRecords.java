package io.restunnel.node.wire;

import io.restunnel.node.limits.Protocol;
import io.restunnel.node.noise.RecordCipher;
import java.util.Arrays;

/** Records out of a byte stream: however it is cut, each is opened once it is whole. Keeps memory only while part of a record is there. */
public final class InboundRecords {
    /** Takes the plain bytes of one record. They are valid during the call. */
    public interface Sink {
        void record(byte[] plain, int length) throws ProtocolException;
    }

    private static final byte[] NONE = new byte[0];

    private final RecordCipher cipher;
    /** Shared by all sessions of a thread: a record is handled before the next is opened. */
    private final byte[] plain;
    /** The first bytes of a record that is not whole, its length in front. */
    private byte[] part = NONE;
    private int partBytes;

    /** @param plain room for the largest record */
    public InboundRecords(RecordCipher cipher, byte[] plain) {
        this.cipher = cipher;
        this.plain = plain;
    }

    /** Whether the bytes so far end inside a record. */
    public boolean holdsPart() {
        return partBytes > 0;
    }

    /** Opens and hands on every record that is whole now; how many those were. */
    public int receive(byte[] from, int at, int length, Sink sink) throws ProtocolException {
        int end = at + length;
        int records = 0;
        if (partBytes > 0) {
            at += complete(from, at, length);
            int sealed = sealedBytes(part, 0, partBytes);
            if (sealed < 0 || partBytes < Protocol.LENGTH_BYTES + sealed) return 0;
            byte[] whole = part;
            part = NONE;
            partBytes = 0;
            open(whole, Protocol.LENGTH_BYTES, sealed, sink);
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
    private static int sealedBytes(byte[] from, int at, int length) throws ProtocolException {
        if (length < Protocol.LENGTH_BYTES) return -1;
        int sealed = Frame.readU16(from, at);
        if (sealed < Protocol.RECORD_MIN_BYTES) throw new ProtocolException("a record shorter than its tag");
        return sealed;
    }

    private void open(byte[] from, int at, int sealed, Sink sink) throws ProtocolException {
        if (!cipher.open(from, at, sealed, plain, 0)) throw new ProtocolException("a record that does not authenticate");
        sink.record(plain, sealed - Protocol.TAG_BYTES);
    }

    /** Adds what the part lacks; how many bytes that took. */
    private int complete(byte[] from, int at, int length) throws ProtocolException {
        int taken = 0;
        if (partBytes < Protocol.LENGTH_BYTES) {
            part = Arrays.copyOf(part, Protocol.LENGTH_BYTES);
            part[partBytes++] = from[at];
            taken = 1;
        }
        int whole = Protocol.LENGTH_BYTES + sealedBytes(part, 0, partBytes);
        int more = Math.min(whole - partBytes, length - taken);
        if (part.length < whole) part = Arrays.copyOf(part, whole);
        System.arraycopy(from, at + taken, part, partBytes, more);
        partBytes += more;
        return taken + more;
    }

    private void keep(byte[] from, int at, int length) throws ProtocolException {
        int sealed = sealedBytes(from, at, length);
        part = new byte[sealed < 0 ? 1 : Protocol.LENGTH_BYTES + sealed];
        System.arraycopy(from, at, part, 0, length);
        partBytes = length;
    }
}
