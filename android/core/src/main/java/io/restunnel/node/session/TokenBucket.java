package io.restunnel.node.session;

/** A burst that may happen at once, refilled at a rate. Pure: time is an argument. */
final class TokenBucket {
    private final int burst;
    private final int perSecond;
    private double tokens;
    private long atMs;

    TokenBucket(int burst, int perSecond, long nowMs) {
        this.burst = burst;
        this.perSecond = perSecond;
        this.tokens = burst;
        this.atMs = nowMs;
    }

    /** Takes one token if there is one. */
    boolean take(long nowMs) {
        long passedMs = Math.max(0, nowMs - atMs);
        atMs += passedMs;
        tokens = Math.min(burst, tokens + passedMs * perSecond / 1_000.0);
        if (tokens < 1) return false;
        tokens -= 1;
        return true;
    }
}
