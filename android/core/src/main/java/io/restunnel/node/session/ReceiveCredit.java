package io.restunnel.node.session;

import io.restunnel.node.limits.Protocol;

/** The credit that the node grants its hub: what left for a target is granted again, out of windows that grow with the path. */
final class ReceiveCredit {
    private final WindowBudget budget;
    private final int initialWindow;

    ReceiveCredit(WindowBudget budget, int initialWindow) {
        this.budget = budget;
        this.initialWindow = initialWindow;
    }

    /** So many bytes left for the target. True: a WINDOW is owed, because half of the window has left. */
    boolean consumed(TunnelStream stream, int bytes) {
        if (bytes > stream.unconsumed()) throw new IllegalStateException("more bytes left than were received");
        stream.consumed += bytes;
        return stream.consumed >= (stream.window + 1) / 2 && !stream.endedThere;
    }

    /** The credit of a stream's next WINDOW: what left, more when its path can use more, less when memory is short. */
    int topUp(TunnelStream stream, long nowMs, double roundTripMs) {
        if (stream.consumed == 0) return 0;
        // The first time there is nothing to compare with: a stream that used half its window gets more.
        long elapsedMs = stream.toppedUpMs == -1 ? 0 : nowMs - stream.toppedUpMs;
        int window = budget.nextWindow(stream.window, initialWindow, stream.consumed, elapsedMs, roundTripMs);
        // At least half of the window has left, so a halved one leaves no debt.
        int credit = Math.min(stream.consumed + window - stream.window, Protocol.WINDOW_MAX_BYTES - stream.receiveCredit);
        stream.window = window;
        stream.receiveCredit += credit;
        stream.consumed = 0;
        stream.toppedUpMs = nowMs;
        return credit;
    }

    /** The stream is over: its share of the budget goes back. */
    void freed(TunnelStream stream) {
        budget.give(stream.window - initialWindow);
    }
}
