package io.restunnel.node.session;

import io.restunnel.node.limits.Protocol;
import io.restunnel.node.wire.DatagramAddress;
import io.restunnel.node.wire.Frame;
import io.restunnel.node.wire.ProtocolException;
import io.restunnel.node.wire.Reason;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** What the hub's frames do to the streams of a session, and which of them break the protocol. */
final class StreamFrames {
    private final Session session;
    private final StreamTable table;
    private final Lifecycle lifecycle;
    private final Rates rates;
    private final SessionHandler handler;
    private final int initialWindow;
    private final boolean knowsUdp;

    StreamFrames(Session session, StreamTable table, Lifecycle lifecycle, Rates rates, SessionHandler handler, int initialWindow,
            boolean knowsUdp) {
        this.session = session;
        this.table = table;
        this.lifecycle = lifecycle;
        this.rates = rates;
        this.handler = handler;
        this.initialWindow = initialWindow;
        this.knowsUdp = knowsUdp;
    }

    // --- Opening ---

    void connect(int id, ByteBuffer from, int at, int length, long nowMs) throws ProtocolException {
        int hostBytes = length - 2;
        if (hostBytes < 1 || hostBytes > Protocol.HOST_MAX_BYTES) throw new ProtocolException("a CONNECT with a host of " + hostBytes + " bytes");
        int port = from.getShort(at) & 0xffff;
        if (port == 0) throw new ProtocolException("a CONNECT to port 0");
        for (int i = at + 2; i < at + length; i++) {
            if (from.get(i) <= 0x20 || from.get(i) == 0x7f) throw new ProtocolException("a CONNECT whose host is not printable ASCII");
        }
        TunnelStream stream = table.admit(id, false, initialWindow, "a CONNECT");
        if (rates.open(nowMs)) handler.connect(stream, new String(Frame.copy(from, at + 2, hostBytes), StandardCharsets.US_ASCII), port);
        else session.refuse(stream, Reason.BUSY);
    }

    void udpOpen(int id, int length, long nowMs) throws ProtocolException {
        expectUdp("a UDP_OPEN");
        if (length != 0) throw new ProtocolException("a UDP_OPEN of " + length + " bytes");
        TunnelStream stream = table.admit(id, true, 0, "a UDP_OPEN");
        if (rates.open(nowMs)) handler.udpOpen(stream);
        else session.refuse(stream, Reason.BUSY);
    }

    // --- Bytes ---

    void data(int id, ByteBuffer from, int at, int length) throws ProtocolException {
        TunnelStream stream = table.find(id, "DATA");
        if (stream == null) return;
        expectBytes(stream, "DATA");
        if (stream.endedThere) throw new ProtocolException("DATA behind the end of its stream");
        if (length > stream.receiveCredit) throw new ProtocolException("DATA beyond the window of its stream");
        stream.receiveCredit -= length;
        if (stream.closing || length == 0) return;
        session.countReceived(length);
        int left = stream.local.receive(from, at, length);
        if (left > 0 && !stream.closing) session.consumed(stream, left);
    }

    void window(int id, int credit) throws ProtocolException {
        TunnelStream stream = table.find(id, "WINDOW");
        if (stream == null) return;
        expectBytes(stream, "WINDOW");
        if (credit == 0) throw new ProtocolException("a WINDOW of no bytes");
        long total = stream.sendCredit + (credit & 0xffff_ffffL);
        if (total > Protocol.WINDOW_MAX_BYTES) throw new ProtocolException("a WINDOW beyond the largest window");
        stream.sendCredit = (int) total;
        if (!stream.starved) return;
        stream.starved = false;
        if (!stream.closing && !stream.endedHere) session.readable(stream);
    }

    void datagram(int id, ByteBuffer from, int at, int length, long nowMs) throws ProtocolException {
        expectUdp("a DATAGRAM");
        TunnelStream stream = table.find(id, "a DATAGRAM");
        if (stream == null) return;
        if (!stream.isUdp) throw new ProtocolException("a DATAGRAM on a stream of bytes");
        if (stream.opening) throw new ProtocolException("a DATAGRAM ahead of the answer to its UDP_OPEN");
        int headerBytes = DatagramAddress.headerBytes(from, at, length);
        if (headerBytes == 0) throw new ProtocolException("a DATAGRAM without an address");
        if (stream.closing || !rates.datagram(nowMs)) return;
        session.countReceived(length);
        stream.local.datagram(from, at, headerBytes, length);
    }

    // --- Ending ---

    void close(int id, int reason, long nowMs) throws ProtocolException {
        TunnelStream stream = table.find(id, "a CLOSE");
        if (stream == null) return;
        if (reason == Frame.END) end(stream);
        else if (reason == Frame.ABORT) abort(stream, nowMs);
        else throw new ProtocolException("a CLOSE for the unknown reason " + (reason & 0xff));
    }

    private void end(TunnelStream stream) throws ProtocolException {
        expectBytes(stream, "an end");
        if (stream.endedThere) throw new ProtocolException("a stream that ended twice");
        stream.endedThere = true;
        if (!stream.closing) stream.local.ended();
        // An abort that is still owed is not written then: for the hub the stream is over, and the slot may come again.
        if (table.at(stream.slot) == stream) lifecycle.freeIfOver(stream);
    }

    private void abort(TunnelStream stream, long nowMs) throws ProtocolException {
        // Each made the node dial in vain.
        if (stream.opening) rates.earlyAbort(nowMs);
        boolean isLive = stream.isLive();
        lifecycle.free(stream);
        if (isLive) stream.local.aborted();
    }

    // --- Rules ---

    private static void expectBytes(TunnelStream stream, String what) throws ProtocolException {
        if (stream.isUdp) throw new ProtocolException(what + " on an association");
    }

    private void expectUdp(String what) throws ProtocolException {
        if (!knowsUdp) throw new ProtocolException(what + ", which was not agreed on");
    }
}
