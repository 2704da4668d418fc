package io.restunnel.node.session;

/** When a stream's slot is free again. */
final class Lifecycle {
    private final StreamTable table;
    private final ReceiveCredit credit;

    Lifecycle(StreamTable table, ReceiveCredit credit) {
        this.table = table;
        this.credit = credit;
    }

    /** Once both sides have ended and our CLOSE(end) is written: from then on the hub takes the slot for free. */
    void freeIfOver(TunnelStream stream) {
        if (stream.endedHere && stream.endedThere && !stream.owesEnd && !stream.owesOk) free(stream);
    }

    void free(TunnelStream stream) {
        stream.closing = true;
        credit.freed(stream);
        table.free(stream);
    }
}
