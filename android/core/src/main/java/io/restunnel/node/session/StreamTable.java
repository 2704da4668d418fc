package io.restunnel.node.session;

import io.restunnel.node.limits.Protocol;
import io.restunnel.node.wire.ProtocolException;
import java.util.Arrays;

/** The streams of one session by slot, and the last id of each slot: a late frame of a stream that is over differs from one that never was. */
final class StreamTable {
    private static final int SLOT_MASK = 0xffff;
    private static final int CAPACITY_MIN = 16;

    private TunnelStream[] streams = new TunnelStream[CAPACITY_MIN];
    /** 0: the slot was never used. */
    private int[] lastIds = new int[CAPACITY_MIN];
    private int count;
    private int slotsUsed;

    int count() {
        return count;
    }

    /** Slots below this were used. */
    int slotsUsed() {
        return slotsUsed;
    }

    /** Null: the slot is free. */
    TunnelStream at(int slot) {
        return slot < streams.length ? streams[slot] : null;
    }

    /** A new stream of the hub's. */
    TunnelStream admit(int id, boolean isUdp, int initialWindow, String what) throws ProtocolException {
        int slot = id & SLOT_MASK;
        if (id >>> 16 == 0) throw new ProtocolException(what + " with an id of generation 0");
        if (at(slot) != null) throw new ProtocolException(what + " with an id that is in use");
        if (slot < lastIds.length && lastIds[slot] == id) throw new ProtocolException(what + " with an id that is in use, or was a moment ago");
        if (slot >= streams.length) {
            int capacity = Math.min(Protocol.SLOTS, Integer.highestOneBit(slot) * 2);
            streams = Arrays.copyOf(streams, capacity);
            lastIds = Arrays.copyOf(lastIds, capacity);
        }
        TunnelStream stream = new TunnelStream(id, isUdp, initialWindow);
        streams[slot] = stream;
        lastIds[slot] = id;
        slotsUsed = Math.max(slotsUsed, slot + 1);
        count++;
        return stream;
    }

    /** The stream of a frame; null for a late frame of one that is over. */
    TunnelStream find(int id, String what) throws ProtocolException {
        TunnelStream stream = at(id & SLOT_MASK);
        if (stream != null && stream.id == id) return stream;
        if (!wasOpen(id)) throw new ProtocolException(what + " for a stream that was never opened");
        return null;
    }

    private boolean wasOpen(int id) {
        int slot = id & SLOT_MASK;
        int generation = id >>> 16;
        if (generation == 0 || slot >= lastIds.length || lastIds[slot] == 0) return false;
        return ((lastIds[slot] >>> 16) - generation & 0xffff) < 1 << 15;
    }

    void free(TunnelStream stream) {
        streams[stream.slot] = null;
        count--;
    }
}
