package io.restunnel.node.session;

/** One stream or association of a session, as the session knows it. */
public final class TunnelStream {
    final int slot;
    /** generation << 16 | slot. */
    final int id;
    public final boolean isUdp;
    /** Null until the handler sets it. */
    public LocalStream local;

    /** CONNECT is not answered yet. */
    boolean opening = true;
    /** We send no more DATA: CLOSE(end) is written or owed. */
    boolean endedHere;
    /** The hub sent CLOSE(end). */
    boolean endedThere;
    /** Finished on this side: the slot waits until its last frame has been written. */
    boolean closing;
    /** Has bytes to send and no credit. */
    boolean starved;

    /** Bytes that the hub still lets us send. */
    int sendCredit;
    /** Bytes that we still let the hub send. */
    int receiveCredit;
    /** Bytes that left for the target and were not granted again yet. */
    int consumed;
    /** Credit, bytes on their way to the target, and consumed bytes add up to it. */
    int window;
    /** When credit was last granted; -1: never. */
    long toppedUpMs = -1;

    // Frames owed to the hub.
    boolean owesOk;
    /** A reason, or 0. */
    int owesFail;
    boolean owesWindow;
    boolean owesEnd;
    boolean owesAbort;

    TunnelStream(int id, boolean isUdp, int initialWindow) {
        this.slot = id & 0xffff;
        this.id = id;
        this.isUdp = isUdp;
        this.sendCredit = initialWindow;
        this.receiveCredit = initialWindow;
        this.window = initialWindow;
    }

    /** Whether the local end still has a part in it. */
    public boolean isLive() {
        return !closing && !(endedHere && endedThere);
    }

    /** CONNECT is not answered yet. */
    public boolean isOpening() {
        return opening && !closing;
    }

    public boolean hasEndedThere() {
        return endedThere;
    }

    /** Bytes of the hub's that are still on their way to the target. */
    int unconsumed() {
        return window - receiveCredit - consumed;
    }
}
