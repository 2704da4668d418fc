package io.restunnel.node.exit;

import io.restunnel.node.limits.Bounds;
import java.util.HashMap;
import java.util.Map;

/** What the hubs have open and make the node hold: whichever asks for too much, the node's other hubs find descriptors and memory. */
final class Load {
    /** Of one hub, over all of its lanes. */
    static final class OfHub {
        int streams;
        /** Of its streams, that their targets have not taken. */
        long heldBytes;
        /** What its sessions that are over have moved. */
        long sentBefore;
        long receivedBefore;
    }

    private final int room;
    private final int sharedFrom;
    private final long heldMaxBytes;
    private final Map<String, OfHub> hubs = new HashMap<>();
    private int streams;
    private long heldBytes;

    Load(int descriptors, long heapBytes) {
        int reserve = Math.min(Math.max(descriptors / Bounds.RESERVE_DIVISOR, Bounds.RESERVE_MIN), Bounds.RESERVE_MAX);
        room = Math.max(1, descriptors - reserve);
        sharedFrom = room - room / Bounds.SHARED_DIVISOR;
        heldMaxBytes = Math.min(Math.max(heapBytes / Bounds.HELD_HEAP_DIVISOR, Bounds.HELD_MIN_BYTES), Bounds.HELD_MAX_BYTES);
    }

    OfHub of(String hub) {
        return hubs.computeIfAbsent(hub, key -> new OfHub());
    }

    void forget(String hub) {
        hubs.remove(hub);
    }

    /** Whether a hub may open another stream. The last part of the room is divided: there each hub has its share. */
    boolean mayOpen(OfHub hub) {
        if (streams >= room) return false;
        return streams < sharedFrom || hubs.size() == 1 || hub.streams < room / Bounds.SHARED_DIVISOR / hubs.size();
    }

    /** Whether a dial may have one more attempt beside those under way. */
    boolean mayRace() {
        return streams < room / 2;
    }

    void opened(OfHub hub, int count) {
        hub.streams += count;
        streams += count;
    }

    void holds(OfHub hub, long bytes) {
        hub.heldBytes += bytes;
        heldBytes += bytes;
    }

    /** Whether the hub has to give up a stream that holds bytes. */
    boolean mustGiveUp(OfHub hub) {
        return heldBytes > heldMaxBytes && hub.heldBytes * hubs.size() >= heldMaxBytes;
    }

    int streams() {
        return streams;
    }
}
