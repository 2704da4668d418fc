package io.restunnel.node.hubs;

import io.restunnel.node.limits.Bounds;

/**
 * How long a node waits before it dials a lost hub again: capped exponential with full jitter, so that the nodes of a restarted hub do not
 * come back in step. Pure: time and randomness are arguments.
 */
final class Backoff {
    private static final long NEVER = -1;

    private int failures;
    private long connectedMs = NEVER;

    /** The hub's first record came. */
    void connected(long nowMs) {
        connectedMs = nowMs;
    }

    /** The network has changed: earlier failures say nothing about the new one. */
    void forget() {
        failures = 0;
        connectedMs = NEVER;
    }

    /**
     * A dial or session is over: how long to wait. Sessions shorter than a second do not let the pauses start over, or a hub that drops its
     * nodes at once would be dialled without a pause.
     *
     * @param random from 0 to 1
     */
    long failed(long nowMs, double random) {
        if (connectedMs != NEVER && nowMs - connectedMs >= Bounds.BACKOFF_RESET_MS) failures = 0;
        connectedMs = NEVER;
        double ceilingMs = Math.min(Bounds.BACKOFF_MAX_MS, Bounds.BACKOFF_MIN_MS * Math.pow(2, failures));
        if (ceilingMs < Bounds.BACKOFF_MAX_MS) failures++;
        return (long) (random * ceilingMs);
    }
}
