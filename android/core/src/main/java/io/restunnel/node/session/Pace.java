package io.restunnel.node.session;

import io.restunnel.node.limits.Bounds;

/**
 * The rate at which a hub lets this session send: a token bucket that may go into debt by one quantum, so that a stream which finds tokens
 * takes a whole quantum and the flow is smooth. Pure: time is an argument.
 */
final class Pace {
    /** 0: any. */
    private double bytesPerSecond;
    private double burstBytes;
    private int quantumBytes = Bounds.QUANTUM_BYTES;
    private double tokens;
    private long atMs;

    /** @param rate 0 for any. The rest of the burst stays, and so does a debt, cut to what the new rate allows. */
    void set(double rate, long nowMs) {
        boolean isFirst = bytesPerSecond == 0;
        refill(nowMs);
        bytesPerSecond = rate;
        burstBytes = Math.max(Bounds.PACE_BURST_MIN_BYTES, rate * Bounds.PACE_BURST_MS / 1_000);
        quantumBytes = rate == 0 ? Bounds.QUANTUM_BYTES
                : (int) Math.min(Bounds.QUANTUM_BYTES, Math.max(Bounds.PACE_QUANTUM_MIN_BYTES, rate * Bounds.PACE_QUANTUM_MS / 1_000));
        tokens = isFirst ? burstBytes : Math.max(-quantumBytes, Math.min(burstBytes, tokens));
    }

    /** The most that may be spent at once. */
    int quantumBytes() {
        return quantumBytes;
    }

    boolean hasRoom(long nowMs) {
        if (bytesPerSecond == 0) return true;
        refill(nowMs);
        return tokens > 0;
    }

    void spend(int bytes) {
        if (bytesPerSecond != 0) tokens -= bytes;
    }

    /** Milliseconds until there is room; 0 when there is. */
    long dueInMs(long nowMs) {
        return hasRoom(nowMs) ? 0 : (long) Math.ceil((1 - tokens) * 1_000 / bytesPerSecond);
    }

    private void refill(long nowMs) {
        long passedMs = Math.max(0, nowMs - atMs);
        atMs += passedMs;
        tokens = Math.min(burstBytes, tokens + passedMs * bytesPerSecond / 1_000);
    }
}
