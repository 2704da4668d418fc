package io.restunnel.node.session;

import io.restunnel.node.limits.Protocol;
import io.restunnel.node.noise.Capabilities;
import io.restunnel.node.wire.Frame;
import io.restunnel.node.wire.InboundRecords;
import io.restunnel.node.wire.ProtocolException;
import java.nio.ByteBuffer;

/** The hub's records, frame by frame: those of the session are answered here, those of streams by StreamFrames. */
final class SessionFrames implements InboundRecords.Sink {
    private final SessionTerms terms;
    private final StreamFrames streams;
    private final OwedFrames owed;
    private final RoundTrip roundTrip;
    private final Pace pace;
    private final Rates rates;
    private final SessionHandler handler;
    private long nowMs;
    private boolean isProven;
    private boolean goAwayReceived;
    private boolean isOver;

    SessionFrames(SessionTerms terms, StreamFrames streams, OwedFrames owed, RoundTrip roundTrip, Pace pace, Rates rates, SessionHandler handler) {
        this.terms = terms;
        this.streams = streams;
        this.owed = owed;
        this.roundTrip = roundTrip;
        this.pace = pace;
        this.rates = rates;
        this.handler = handler;
    }

    /** Whether the hub's first record has come, with which it says that streams may. */
    boolean isProven() {
        return isProven;
    }

    /** The session is over: the frames that are left of a record mean nothing. */
    void end() {
        isOver = true;
    }

    /** How many records were whole. */
    int receive(InboundRecords inbound, ByteBuffer from, int at, int length, long now) throws ProtocolException {
        nowMs = now;
        return inbound.receive(from, at, length, this);
    }

    @Override
    public void record(ByteBuffer plain, int length) throws ProtocolException {
        isProven = true;
        if (length == 0) rates.empty(nowMs);
        for (int at = 0; at < length && !isOver;) {
            if (length - at < Frame.HEADER_BYTES) throw new ProtocolException("a frame header is cut by the end of its record");
            int payloadBytes = plain.getInt(at + 5);
            int payloadAt = at + Frame.HEADER_BYTES;
            if (payloadBytes < 0 || payloadBytes > length - payloadAt) throw new ProtocolException("a frame is longer than its record");
            receive(plain.get(at) & 0xff, plain.getInt(at + 1), plain, payloadAt, payloadBytes);
            at = payloadAt + payloadBytes;
        }
    }

    private void receive(int type, int id, ByteBuffer plain, int at, int length) throws ProtocolException {
        switch (type) {
            case Frame.DATA:
                if (length == 0) rates.empty(nowMs);
                streams.data(id, plain, at, length);
                return;
            case Frame.WINDOW:
                expectLength("WINDOW", length, 4);
                streams.window(id, plain.getInt(at));
                return;
            case Frame.CLOSE:
                expectLength("CLOSE", length, 1);
                streams.close(id, plain.get(at), nowMs);
                return;
            case Frame.CONNECT:
                streams.connect(id, plain, at, length, nowMs);
                return;
            case Frame.UDP_OPEN:
                streams.udpOpen(id, length, nowMs);
                return;
            case Frame.DATAGRAM:
                streams.datagram(id, plain, at, length, nowMs);
                return;
            case Frame.PING:
                expectSession("PING", id);
                expectLength("PING", length, 8);
                rates.ping(nowMs);
                if (!owed.pong(plain.getLong(at))) throw new ProtocolException("too many PINGs at once");
                return;
            case Frame.PONG:
                expectSession("PONG", id);
                expectLength("PONG", length, 8);
                if (!roundTrip.answer(plain.getInt(at), plain.getInt(at + 4), nowMs)) rates.empty(nowMs);
                return;
            case Frame.GOAWAY:
                expectSession("GOAWAY", id);
                expectLength("GOAWAY", length, 0);
                if (!terms.has(Capabilities.GOAWAY)) throw new ProtocolException("a GOAWAY, which was not agreed on");
                // The hub sends no new streams by itself, and ends the connection when the last one is over.
                if (goAwayReceived) rates.empty(nowMs);
                goAwayReceived = true;
                return;
            case Frame.CONTROL:
                expectSession("CONTROL", id);
                control(plain, at, length);
                return;
            case Frame.CONNECT_OK:
                throw new ProtocolException("the hub sent a CONNECT_OK");
            case Frame.CONNECT_FAIL:
                throw new ProtocolException("the hub sent a CONNECT_FAIL");
            case Frame.STATUS:
                throw new ProtocolException("the hub sent a STATUS");
            default:
                throw new ProtocolException("a frame of unknown type 0x" + Integer.toHexString(type));
        }
    }

    private void control(ByteBuffer plain, int at, int length) throws ProtocolException {
        if (!terms.has(Capabilities.CONTROL)) throw new ProtocolException("a CONTROL, which was not agreed on");
        if (length > Protocol.CONTROL_MAX_BYTES) throw new ProtocolException("a CONTROL of " + length + " bytes");
        rates.control(nowMs);
        ControlOrders orders = ControlOrders.decode(plain, at, length);
        if (orders.pace != null) pace.set(orders.pace, nowMs);
        if (orders.sharedKeyWaitMs != null) handler.sharedKey(orders.sharedKeyWaitMs);
        else if (orders.rotate != null) handler.rotate(orders.rotate);
    }

    private static void expectLength(String what, int length, int expected) throws ProtocolException {
        if (length != expected) throw new ProtocolException("a " + what + " of " + length + " bytes instead of " + expected);
    }

    private static void expectSession(String what, int id) throws ProtocolException {
        if (id != 0) throw new ProtocolException("a " + what + " on a stream");
    }
}
