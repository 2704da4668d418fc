package io.restunnel.node.session;

import io.restunnel.node.Failure;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.limits.Protocol;
import io.restunnel.node.noise.Capabilities;
import io.restunnel.node.wire.Frame;
import io.restunnel.node.wire.InboundRecords;
import io.restunnel.node.wire.ProtocolException;
import io.restunnel.node.wire.Reason;
import io.restunnel.node.wire.SendQueue;
import java.nio.ByteBuffer;

/**
 * One session with a hub, from the end of its handshake: records, frames and streams. Pure: bytes, time and keys come from outside, and
 * it touches no socket. A node opens nothing; it answers. Of one thread.
 */
public final class Session implements DataSender.Endings {
    private final SessionTerms terms;
    private final InboundRecords inbound;
    private final SendQueue queue;
    private final RecordBuilder record;
    private final WindowBudget budget;
    private final StreamTable table = new StreamTable();
    private final ReceiveCredit credit;
    private final Lifecycle lifecycle;
    private final OwedFrames owed;
    private final DataSender sender;
    private final DatagramQueue datagrams = new DatagramQueue();
    private final SessionFrames frames;
    private final Liveness liveness;
    private final RoundTrip roundTrip;
    private long receivedBytes;
    private long datagramBytes;
    private long measuredBytes;
    private boolean isOver;
    /** What the socket had taken when that last grew, or nothing waited. */
    private long takenBytes;
    private long takenMs;

    /**
     * @param budget of this session alone
     * @param record shared by the sessions of a thread
     */
    public Session(SessionTerms terms, InboundRecords inbound, SendQueue queue, RecordBuilder record, WindowBudget budget,
            SessionHandler handler, long nowMs) {
        this.terms = terms;
        this.inbound = inbound;
        this.queue = queue;
        this.record = record;
        this.budget = budget;
        this.takenMs = nowMs;
        credit = new ReceiveCredit(budget, terms.initialWindowBytes);
        lifecycle = new Lifecycle(table, credit);
        owed = new OwedFrames(table, lifecycle, credit);
        sender = new DataSender(table, this);
        liveness = new Liveness(nowMs);
        roundTrip = new RoundTrip(nowMs);
        Rates rates = new Rates(nowMs);
        StreamFrames streams = new StreamFrames(this, table, lifecycle, rates, handler, terms.initialWindowBytes, terms.has(Capabilities.UDP));
        frames = new SessionFrames(terms, streams, owed, roundTrip, sender.pace, rates, handler);
    }

    // --- From the hub ---

    /**
     * Handles bytes of the tunnel's, however they are cut. Moves the buffer's position.
     *
     * @throws ProtocolException the session must end
     */
    public void receive(ByteBuffer from, int at, int length, long now) throws ProtocolException {
        int records = frames.receive(inbound, from, at, length, now);
        liveness.heard(now, records > 0, inbound.holdsPart());
    }

    // --- What the node does to a stream. Each does nothing for one that is over. ---

    /** The target is connected, or the association has its sockets. */
    public void accept(TunnelStream stream) {
        if (stream.closing || !stream.opening) return;
        stream.opening = false;
        stream.owesOk = true;
        owed.stream(stream);
    }

    public void refuse(TunnelStream stream, Reason reason) {
        if (stream.closing || !stream.opening) return;
        stream.closing = true;
        stream.owesFail = reason.code;
        owed.stream(stream);
    }

    /** The target has bytes, or has ended: read() is called when it is the stream's turn. */
    public void readable(TunnelStream stream) {
        if (!stream.closing && !stream.endedHere) sender.readable(stream);
    }

    /** Whether it waits for its turn, or for credit, already. */
    public boolean waits(TunnelStream stream) {
        return sender.waits(stream);
    }

    /** Bytes that receive() kept have left for the target, or were thrown away on purpose. */
    public void consumed(TunnelStream stream, int bytes) {
        if (stream.closing || !credit.consumed(stream, bytes)) return;
        stream.owesWindow = true;
        owed.stream(stream);
    }

    /** The node sends no more; the other direction lives on. */
    @Override
    public void end(TunnelStream stream) {
        if (stream.closing || stream.endedHere) return;
        stream.endedHere = true;
        stream.owesEnd = true;
        owed.stream(stream);
    }

    /** Gives the stream up in both directions, and resets the local end. */
    @Override
    public void abort(TunnelStream stream) {
        if (!stream.isLive()) return;
        stream.closing = true;
        stream.owesAbort = true;
        owed.stream(stream);
        stream.local.aborted();
    }

    /** @param payload header and data. False: dropped */
    public boolean sendDatagram(TunnelStream stream, byte[] payload) {
        return !stream.closing && payload.length <= Protocol.PLAIN_MAX_BYTES - Frame.HEADER_BYTES && datagrams.add(stream, payload);
    }

    // --- To the hub ---

    /** @param json at most 1,024 bytes. A later one takes its place */
    public void sendStatus(byte[] json) {
        if (json.length > Protocol.STATUS_MAX_BYTES) throw new IllegalArgumentException("STATUS is too long");
        owed.status(json);
    }

    /** Nothing for a hub that does not know it. */
    public void sendGoAway() {
        if (terms.has(Capabilities.GOAWAY)) owed.goAway();
    }

    /** Of PINGs, leaning to the shortest; -1 before the first. */
    public double roundTripMs() {
        return roundTrip.ms();
    }

    public boolean isPingUnanswered() {
        return roundTrip.isUnanswered();
    }

    public void ping(long now) {
        owed.ping(roundTrip.ask(now));
    }

    /**
     * Builds and seals records until nothing waits, the queue is full, or so much was sealed. True: more could be sealed now if the queue had
     * room.
     */
    public boolean fill(long now, int mostBytes) {
        measure(now);
        long start = queue.sealedBytes();
        while (!queue.isFull() && queue.sealedBytes() - start < mostBytes) {
            record.begin();
            int before;
            do {
                before = record.length();
                owed.write(record, now, roundTrip.ms());
                datagramBytes += datagrams.write(record);
                sender.write(record, now);
                // A read may have ended its stream, which owes a frame then.
            } while (record.hasRoomForData() && (record.length() > before || !owed.isEmpty()));
            if (record.length() == 0) return false;
            queue.seal(record.whole());
        }
        return hasMore(now);
    }

    /** Whether fill() has something to build now. */
    public boolean hasMore(long now) {
        return !owed.isEmpty() || !datagrams.isEmpty() || sender.hasWaiting() && sender.pace.hasRoom(now);
    }

    /** Now and then while bytes flow: windows grow by the round trip. */
    private void measure(long now) {
        long moved = sentBytes() + receivedBytes;
        if (!isProven() || moved == measuredBytes || !roundTrip.isDue(now)) return;
        measuredBytes = moved;
        ping(now);
    }

    // --- Time ---

    /** When tick() is due. */
    public long tickDueMs() {
        return liveness.dueMs();
    }

    /** Null: alive. Otherwise why the session is dead. */
    public Failure tick(long now) {
        long taken = queue.sealedBytes() - queue.waitingBytes();
        if (queue.waitingBytes() == 0 || taken != takenBytes) takenMs = now;
        takenBytes = taken;
        if (now - takenMs >= Bounds.STALLED_MS) return new Failure(Failure.Code.HUB_DOES_NOT_READ);
        switch (liveness.check(now)) {
            case DEAD:
                return new Failure(isProven() ? Failure.Code.HUB_SILENT : Failure.Code.NO_FIRST_RECORD);
            case PING:
                ping(now);
                return null;
            default:
                return null;
        }
    }

    /** Milliseconds until the pace lets a stream send that waits for it; -1: none waits. */
    public long paceDueInMs(long now) {
        return sender.hasWaiting() && !queue.isFull() ? sender.pace.dueInMs(now) : -1;
    }

    // --- Counters ---

    /** Whether the hub's first record has come: streams may come, and the node is connected. */
    public boolean isProven() {
        return frames.isProven();
    }

    public int streamCount() {
        return table.count();
    }

    public long sentBytes() {
        return sender.sentBytes() + datagramBytes;
    }

    public long receivedBytes() {
        return receivedBytes;
    }

    void countReceived(int bytes) {
        receivedBytes += bytes;
    }

    /** The session is over: every local end is reset. Harmless twice. */
    public void release() {
        if (isOver) return;
        isOver = true;
        frames.end();
        for (int slot = 0; slot < table.slotsUsed(); slot++) {
            TunnelStream stream = table.at(slot);
            if (stream == null) continue;
            boolean isLive = stream.isLive();
            lifecycle.free(stream);
            if (isLive && stream.local != null) stream.local.aborted();
        }
        budget.giveAll();
        queue.release();
    }
}
