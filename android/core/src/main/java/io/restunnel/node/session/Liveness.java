package io.restunnel.node.session;

import io.restunnel.node.limits.Bounds;

/** When to send a PING, and when a session is dead. Pure: time is an argument. */
final class Liveness {
    enum Verdict { WAIT, PING, DEAD }

    private static final long NONE = -1;

    private final long startedMs;
    private long heardMs = NONE;
    /** When the record began of which a part has arrived. */
    private long partSinceMs = NONE;
    /** When the PING that waits for an answer was sent. */
    private long pingedMs = NONE;

    Liveness(long nowMs) {
        startedMs = nowMs;
    }

    /** Bytes came. Before the first whole record they prove nothing; then part of one counts for as long as a slow link needs for it. */
    void heard(long nowMs, boolean completed, boolean holdsPart) {
        if (completed || partSinceMs == NONE) partSinceMs = holdsPart ? nowMs : NONE;
        if (!completed) {
            if (heardMs == NONE) return;
            if (partSinceMs != NONE && nowMs - partSinceMs >= Bounds.RECORD_MS) return;
        }
        heardMs = nowMs;
        pingedMs = NONE;
    }

    Verdict check(long nowMs) {
        if (nowMs < dueMs()) return Verdict.WAIT;
        if (heardMs == NONE || pingedMs != NONE) return Verdict.DEAD;
        pingedMs = nowMs;
        return Verdict.PING;
    }

    /** When check() may say something other than WAIT. */
    long dueMs() {
        if (heardMs == NONE) return startedMs + Bounds.FIRST_RECORD_MS;
        if (pingedMs != NONE) return pingedMs + Bounds.DEAD_AFTER_PING_MS;
        return heardMs + Bounds.PING_AFTER_SILENCE_MS;
    }
}
