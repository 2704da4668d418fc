package io.restunnel.node.session;

import io.restunnel.node.limits.Protocol;

/**
 * How far receive windows may grow, and how large the next one is: doubled while it is what limits the stream (used up faster than once
 * in two round trips), halved when memory is short and the stream is slow. A session's budget is part of its node's.
 */
public final class WindowBudget {
    /** With a shorter round trip the initial window never limits a stream. */
    private static final double GROW_ROUND_TRIP_MIN_MS = 1;
    private static final double FAST_ROUND_TRIPS = 2;
    private static final double SLOW_ROUND_TRIPS = 8;

    private final int limitBytes;
    private final WindowBudget parent;
    private int usedBytes;

    /** @param parent null: none */
    public WindowBudget(int limitBytes, WindowBudget parent) {
        this.limitBytes = limitBytes;
        this.parent = parent;
    }

    private boolean take(int bytes) {
        if (usedBytes + bytes > limitBytes || parent != null && !parent.take(bytes)) return false;
        usedBytes += bytes;
        return true;
    }

    void give(int bytes) {
        usedBytes -= bytes;
        if (parent != null) parent.give(bytes);
    }

    /** The session is over. */
    void giveAll() {
        give(usedBytes);
    }

    private boolean isPressed() {
        return usedBytes > limitBytes / 4 * 3 || parent != null && parent.isPressed();
    }

    /**
     * The window from here on, for a stream that consumed so much of its window in that time.
     *
     * @param roundTripMs -1: not known
     */
    int nextWindow(int window, int initialWindow, int consumed, long elapsedMs, double roundTripMs) {
        if (roundTripMs < GROW_ROUND_TRIP_MIN_MS) return window;
        double windowMs = (double) elapsedMs * window / consumed;
        if (windowMs < FAST_ROUND_TRIPS * roundTripMs) {
            int wanted = Math.min(2 * window, Protocol.WINDOW_MAX_BYTES);
            return take(wanted - window) ? wanted : window;
        }
        if (windowMs > SLOW_ROUND_TRIPS * roundTripMs && isPressed() && window > initialWindow) {
            int smaller = Math.max(window / 2, initialWindow);
            give(window - smaller);
            return smaller;
        }
        return window;
    }
}
