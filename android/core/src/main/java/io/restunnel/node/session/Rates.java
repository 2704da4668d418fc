package io.restunnel.node.session;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.wire.ProtocolException;

/** How often a hub may do what costs the node more than the hub. */
final class Rates {
    private final TokenBucket opens;
    private final TokenBucket earlyAborts;
    private final TokenBucket pings;
    private final TokenBucket controls;
    private final TokenBucket empties;
    private final TokenBucket datagrams;

    Rates(long nowMs) {
        opens = new TokenBucket(Bounds.OPENS_BURST, Bounds.OPENS_PER_SECOND, nowMs);
        earlyAborts = new TokenBucket(Bounds.EARLY_ABORTS_BURST, Bounds.EARLY_ABORTS_PER_SECOND, nowMs);
        pings = new TokenBucket(Bounds.PINGS_BURST, Bounds.PINGS_PER_SECOND, nowMs);
        controls = new TokenBucket(Bounds.CONTROL_BURST, Bounds.CONTROL_PER_SECOND, nowMs);
        empties = new TokenBucket(Bounds.EMPTY_BURST, Bounds.EMPTY_PER_SECOND, nowMs);
        datagrams = new TokenBucket(Bounds.DATAGRAMS_BURST, Bounds.DATAGRAMS_PER_SECOND, nowMs);
    }

    /** False: refuse the stream. */
    boolean open(long nowMs) {
        return opens.take(nowMs);
    }

    /** False: drop the datagram. */
    boolean datagram(long nowMs) {
        return datagrams.take(nowMs);
    }

    void earlyAbort(long nowMs) throws ProtocolException {
        if (!earlyAborts.take(nowMs)) throw new ProtocolException("too many streams given up before their answer");
    }

    void ping(long nowMs) throws ProtocolException {
        if (!pings.take(nowMs)) throw new ProtocolException("too many PINGs");
    }

    void control(long nowMs) throws ProtocolException {
        if (!controls.take(nowMs)) throw new ProtocolException("too many CONTROL frames");
    }

    void empty(long nowMs) throws ProtocolException {
        if (!empties.take(nowMs)) throw new ProtocolException("too many frames and records that say nothing");
    }
}
