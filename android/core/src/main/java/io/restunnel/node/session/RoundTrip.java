package io.restunnel.node.session;

import io.restunnel.node.limits.Bounds;

/** The round trip of a session, measured with PING and PONG. Pure: time is an argument. */
final class RoundTrip {
    private static final long NONE = -1;

    private int counter;
    /** When the PING that waits for its PONG was sent. */
    private long askedMs = NONE;
    private long lastMs;
    private double ms = NONE;

    RoundTrip(long nowMs) {
        lastMs = nowMs;
    }

    /** A PING goes out now: the low half of its payload. */
    int ask(long nowMs) {
        askedMs = nowMs;
        lastMs = nowMs;
        return ++counter;
    }

    /** False for a PONG that nobody waits for. */
    boolean answer(int high, int low, long nowMs) {
        if (askedMs == NONE || high != 0 || low != counter) return false;
        long sampleMs = nowMs - askedMs;
        // A longer one mostly measures our own bytes in front of the PING.
        ms = ms == NONE || sampleMs < ms ? sampleMs : ms + (sampleMs - ms) / 8;
        askedMs = NONE;
        return true;
    }

    boolean isUnanswered() {
        return askedMs != NONE;
    }

    boolean isDue(long nowMs) {
        return askedMs == NONE && nowMs - lastMs >= Bounds.MEASURE_EVERY_MS;
    }

    /** Leaning to the shortest; -1 before the first. */
    double ms() {
        return ms;
    }
}
