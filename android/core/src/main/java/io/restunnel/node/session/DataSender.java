package io.restunnel.node.session;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.wire.Frame;

/** DATA of a session's streams: read from targets straight into the record being built, each stream in its turn. */
final class DataSender {
    /** What a read that ended its stream leads to. */
    interface Endings {
        void end(TunnelStream stream);

        void abort(TunnelStream stream);
    }

    private final StreamTable table;
    private final Endings endings;
    /** Streams whose targets have bytes, in turn. */
    private final SlotQueue ready = new SlotQueue();
    final Pace pace = new Pace();
    private long sentBytes;

    DataSender(StreamTable table, Endings endings) {
        this.table = table;
        this.endings = endings;
    }

    long sentBytes() {
        return sentBytes;
    }

    /** The stream's target has bytes, or has ended. */
    void readable(TunnelStream stream) {
        ready.add(stream.slot);
    }

    boolean waits(TunnelStream stream) {
        return stream.starved || ready.contains(stream.slot);
    }

    boolean hasWaiting() {
        return !ready.isEmpty();
    }

    /** Fills the record as far as targets, credit and rate allow. */
    void write(RecordBuilder record, long nowMs) {
        while (!ready.isEmpty() && record.hasRoomForData() && pace.hasRoom(nowMs)) {
            TunnelStream stream = table.at(ready.poll());
            // A slot may have a new stream since it was queued, whose target is not connected yet.
            if (stream != null && !stream.opening && !stream.closing && !stream.endedHere) readFrom(stream, record);
        }
    }

    private void readFrom(TunnelStream stream, RecordBuilder record) {
        if (stream.sendCredit == 0) {
            stream.starved = true;
            return;
        }
        int quantum = Math.min(pace.quantumBytes(), ready.isEmpty() ? Bounds.QUANTUM_BYTES : Bounds.SHARED_QUANTUM_BYTES);
        int most = Math.min(Math.min(stream.sendCredit, record.room()), quantum);
        int read = stream.local.read(record.plain, record.payloadAt(), most);
        if (read == LocalStream.END) {
            endings.end(stream);
        } else if (read == LocalStream.BROKEN) {
            endings.abort(stream);
        } else {
            if (read > 0) {
                record.frame(Frame.DATA, stream.id, read);
                stream.sendCredit -= read;
                sentBytes += read;
                pace.spend(read);
            }
            if (read == most) ready.add(stream.slot);
            else stream.local.drained();
        }
    }
}
