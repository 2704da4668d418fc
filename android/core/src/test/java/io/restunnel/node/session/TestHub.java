package io.restunnel.node.session;

import io.restunnel.node.limits.Protocol;
import io.restunnel.node.noise.Capabilities;
import io.restunnel.node.noise.RecordCipher;
import io.restunnel.node.wire.Frame;
import io.restunnel.node.wire.InboundRecords;
import io.restunnel.node.wire.ProtocolException;
import io.restunnel.node.wire.SendQueue;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A hub without sockets: sends any frames to a session of the node's, and shows in words what the session sends. */
final class TestHub implements SessionHandler {
    static final int WINDOW = 262_144;
    private static final byte[] NODE_KEY = new byte[32];
    private static final byte[] HUB_KEY = filled(1);

    final Session session;
    final List<String> asked = new ArrayList<>();
    final List<TunnelStream> streams = new ArrayList<>();
    final List<TestTarget> targets = new ArrayList<>();
    long nowMs = 1_000;
    /** What connect() does: answer at once, or leave it. */
    boolean acceptsAtOnce = true;
    /** What its targets take at once. */
    int takesMost = Integer.MAX_VALUE;
    private final RecordCipher sealer;
    private final RecordCipher opener;
    private final SendQueue queue;

    TestHub() {
        this(Capabilities.OFFERED);
    }

    TestHub(int capabilities) {
        this(capabilities, NODE_KEY, HUB_KEY);
    }

    TestHub(int capabilities, byte[] nodeKey, byte[] hubKey) {
        sealer = new RecordCipher(hubKey);
        opener = new RecordCipher(nodeKey);
        queue = new SendQueue(new RecordCipher(nodeKey), new SendQueue.Pool());
        session = new Session(new SessionTerms(WINDOW, capabilities), new InboundRecords(new RecordCipher(hubKey), new InboundRecords.Memory()), queue,
                new RecordBuilder(), new WindowBudget(1 << 24, null), this, nowMs);
    }

    private static byte[] filled(int value) {
        byte[] key = new byte[32];
        Arrays.fill(key, (byte) value);
        return key;
    }

    // --- What the hub sends ---

    static byte[] frame(int type, int id, byte... payload) {
        byte[] frame = new byte[Frame.HEADER_BYTES + payload.length];
        Frame.writeHeader(frame, 0, type, id, payload.length);
        System.arraycopy(payload, 0, frame, Frame.HEADER_BYTES, payload.length);
        return frame;
    }

    static byte[] u32(int value) {
        return ByteBuffer.allocate(4).putInt(value).array();
    }

    static byte[] connect(int id, String host, int port) {
        byte[] name = host.getBytes(StandardCharsets.ISO_8859_1);
        return frame(Frame.CONNECT, id, ByteBuffer.allocate(2 + name.length).putShort((short) port).put(name).array());
    }

    /** One record with these frames. */
    byte[] sealed(byte[]... frames) {
        ByteArrayOutputStream plain = new ByteArrayOutputStream();
        for (byte[] frame : frames) plain.write(frame, 0, frame.length);
        byte[] sealed = new byte[2 + plain.size() + Protocol.TAG_BYTES];
        sealed[0] = (byte) (sealed.length - 2 >>> 8);
        sealed[1] = (byte) (sealed.length - 2);
        sealer.seal(ByteBuffer.wrap(plain.toByteArray()), ByteBuffer.wrap(sealed, 2, sealed.length - 2));
        return sealed;
    }

    void send(byte[]... frames) throws ProtocolException {
        deliver(sealed(frames));
    }

    void deliver(byte[] bytes) throws ProtocolException {
        session.receive(ByteBuffer.wrap(bytes), 0, bytes.length, nowMs);
    }

    // --- What the node sends ---

    /** All that waits, raw. */
    byte[] take() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        boolean hasMore;
        do {
            hasMore = session.fill(nowMs, Integer.MAX_VALUE);
            ByteBuffer waiting = queue.waiting();
            if (waiting == null) break;
            byte[] bytes = new byte[waiting.remaining()];
            waiting.get(bytes);
            queue.taken();
            all.write(bytes, 0, bytes.length);
        } while (hasMore);
        return all.toByteArray();
    }

    /** All that waits, a frame each: "PONG 0 0000000000000001", of DATA the length. */
    List<String> frames() {
        List<String> frames = new ArrayList<>();
        byte[] bytes = take();
        byte[] plain = new byte[65_535];
        for (int at = 0; at < bytes.length;) {
            int sealed = Frame.readU16(bytes, at);
            if (!opener.open(ByteBuffer.wrap(bytes, at + 2, sealed), ByteBuffer.wrap(plain))) throw new AssertionError("not sealed with the session's key");
            show(plain, sealed - Protocol.TAG_BYTES, frames);
            at += 2 + sealed;
        }
        return frames;
    }

    static void show(byte[] plain, int length, List<String> frames) {
        for (int at = 0; at < length;) {
            int payloadBytes = Frame.readU32(plain, at + 5);
            StringBuilder text = new StringBuilder(name(plain[at])).append(' ').append(Integer.toHexString(Frame.readU32(plain, at + 1)));
            at += Frame.HEADER_BYTES;
            if (plain[at - Frame.HEADER_BYTES] == Frame.DATA) {
                text.append(' ').append(payloadBytes).append(" bytes");
            } else {
                if (payloadBytes > 0) text.append(' ');
                for (int i = 0; i < payloadBytes; i++) text.append(String.format("%02x", plain[at + i] & 0xff));
            }
            frames.add(text.toString());
            at += payloadBytes;
        }
    }

    private static String name(int type) {
        switch (type) {
            case Frame.PING: return "PING";
            case Frame.PONG: return "PONG";
            case Frame.GOAWAY: return "GOAWAY";
            case Frame.CONNECT_OK: return "CONNECT_OK";
            case Frame.CONNECT_FAIL: return "CONNECT_FAIL";
            case Frame.DATA: return "DATA";
            case Frame.CLOSE: return "CLOSE";
            case Frame.WINDOW: return "WINDOW";
            case Frame.DATAGRAM: return "DATAGRAM";
            case Frame.STATUS: return "STATUS";
            default: return "0x" + Integer.toHexString(type & 0xff);
        }
    }

    // --- What the session asks ---

    @Override
    public void connect(TunnelStream stream, String host, int port) {
        asked.add("connect " + host + " " + port);
        add(stream);
    }

    @Override
    public void udpOpen(TunnelStream stream) {
        asked.add("udp");
        add(stream);
    }

    private void add(TunnelStream stream) {
        TestTarget target = new TestTarget();
        target.takesMost = takesMost;
        stream.local = target;
        streams.add(stream);
        targets.add(target);
        if (acceptsAtOnce) session.accept(stream);
    }

    @Override
    public void rotate(long request) {
        asked.add("rotate " + request);
    }

    @Override
    public void sharedKey(long waitMs) {
        asked.add("shared key " + waitMs);
        session.release();
    }

    /** A target that takes what it is let, and has bytes to read when it is given some. */
    static final class TestTarget implements LocalStream {
        final ByteArrayOutputStream received = new ByteArrayOutputStream();
        final List<String> events = new ArrayList<>();
        /** How many bytes it takes at once; the rest is kept for it. */
        int takesMost = Integer.MAX_VALUE;
        int readable;
        boolean hasEnd;
        boolean isBroken;

        @Override
        public int receive(ByteBuffer from, int at, int length) {
            received.write(Frame.copy(from, at, length), 0, length);
            return Math.min(length, takesMost);
        }

        @Override
        public void ended() {
            events.add("ended");
        }

        @Override
        public void aborted() {
            events.add("aborted");
        }

        @Override
        public int read(ByteBuffer to, int at, int length) {
            if (isBroken) return BROKEN;
            if (readable == 0) return hasEnd ? END : 0;
            int read = Math.min(readable, length);
            for (int i = 0; i < read; i++) to.put(at + i, (byte) 7);
            readable -= read;
            return read;
        }

        @Override
        public void drained() {
            events.add("drained");
        }

        @Override
        public void datagram(ByteBuffer from, int at, int headerBytes, int length) {
            events.add("datagram of " + (length - headerBytes));
        }
    }
}
