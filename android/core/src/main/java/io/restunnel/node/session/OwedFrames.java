package io.restunnel.node.session;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.wire.Frame;

/** Control frames that a session owes the hub. They go ahead of DATA, as far as there is room; what is owed is state, so it cannot pile up. */
final class OwedFrames {
    private static final int U32_BYTES = 4;
    private static final int PING_BYTES = 8;

    private final StreamTable table;
    private final Lifecycle lifecycle;
    private final ReceiveCredit credit;
    private final SlotQueue owing = new SlotQueue();
    /** Payloads of PINGs that are not answered yet. */
    private final long[] pongs = new long[Bounds.PONGS_PENDING_MAX];
    private int pongCount;
    /** The low half of a PING to send; 0: none. */
    private int ping;
    private boolean goAway;
    private byte[] status;

    OwedFrames(StreamTable table, Lifecycle lifecycle, ReceiveCredit credit) {
        this.table = table;
        this.lifecycle = lifecycle;
        this.credit = credit;
    }

    /** False: too many PINGs wait. */
    boolean pong(long payload) {
        if (pongCount == pongs.length) return false;
        pongs[pongCount++] = payload;
        return true;
    }

    void ping(int counter) {
        ping = counter;
    }

    void goAway() {
        goAway = true;
    }

    /** A later one takes its place. */
    void status(byte[] json) {
        status = json;
    }

    /** The stream owes a frame. */
    void stream(TunnelStream stream) {
        owing.add(stream.slot);
    }

    boolean isEmpty() {
        return pongCount == 0 && ping == 0 && !goAway && status == null && owing.isEmpty();
    }

    /** Writes what fits. */
    void write(RecordBuilder record, long nowMs, double roundTripMs) {
        writeSession(record);
        while (!owing.isEmpty()) {
            TunnelStream stream = table.at(owing.peek());
            if (stream != null && !writeStream(stream, record, nowMs, roundTripMs)) return;
            owing.poll();
        }
    }

    private void writeSession(RecordBuilder record) {
        for (int i = 0; i < pongCount; i++) {
            // Sixteen always fit in a new record; those that don't in this one wait for it.
            if (record.room() < PING_BYTES) {
                System.arraycopy(pongs, i, pongs, 0, pongCount -= i);
                return;
            }
            int at = record.frame(Frame.PONG, 0, PING_BYTES);
            record.plain.putLong(at, pongs[i]);
        }
        pongCount = 0;
        if (ping != 0 && record.room() >= PING_BYTES) {
            int at = record.frame(Frame.PING, 0, PING_BYTES);
            record.plain.putLong(at, ping & 0xffff_ffffL);
            ping = 0;
        }
        if (goAway && record.room() >= 0) {
            record.frame(Frame.GOAWAY, 0, 0);
            goAway = false;
        }
        if (status != null && record.room() >= status.length) {
            record.frame(Frame.STATUS, 0, status);
            status = null;
        }
    }

    /** All that one stream owes, in the order that the page asks for. False: no room, and what is left stays owed. */
    private boolean writeStream(TunnelStream stream, RecordBuilder record, long nowMs, double roundTripMs) {
        // The most that one stream can owe: CONNECT_OK, WINDOW and CLOSE.
        if (record.room() < 3 * (Frame.HEADER_BYTES + U32_BYTES)) return false;
        if (stream.owesAbort) {
            record.plain.put(record.frame(Frame.CLOSE, stream.id, 1), (byte) Frame.ABORT);
            lifecycle.free(stream);
            return true;
        }
        if (stream.owesFail != 0) {
            record.plain.put(record.frame(Frame.CONNECT_FAIL, stream.id, 1), (byte) stream.owesFail);
            lifecycle.free(stream);
            return true;
        }
        if (stream.owesOk) record.frame(Frame.CONNECT_OK, stream.id, 0);
        stream.owesOk = false;
        if (stream.owesWindow) {
            int bytes = credit.topUp(stream, nowMs, roundTripMs);
            if (bytes > 0) record.plain.putInt(record.frame(Frame.WINDOW, stream.id, U32_BYTES), bytes);
        }
        stream.owesWindow = false;
        if (stream.owesEnd) {
            record.plain.put(record.frame(Frame.CLOSE, stream.id, 1), (byte) Frame.END);
            stream.owesEnd = false;
            lifecycle.freeIfOver(stream);
        }
        return true;
    }
}
