package io.restunnel.node.exit;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.policy.IpAddress;
import java.util.Iterator;
import java.util.LinkedHashSet;

/** The addresses that an association sent to last, which alone may answer. */
final class Peers {
    /** Places beyond those that every association has, shared by all. */
    static final class Room {
        private int left = Bounds.PEERS_ROOM;
    }

    private final Room room;
    /** The one sent to last stands at the end. */
    private final LinkedHashSet<IpAddress> addresses = new LinkedHashSet<>();
    private IpAddress newest;

    Peers(Room room) {
        this.room = room;
    }

    void add(IpAddress address) {
        if (address.equals(newest)) return;
        newest = address;
        // Behind the others, if it was there.
        if (addresses.remove(address) || hasRoom()) {
            addresses.add(address);
            return;
        }
        Iterator<IpAddress> oldest = addresses.iterator();
        oldest.next();
        oldest.remove();
        addresses.add(address);
    }

    private boolean hasRoom() {
        if (addresses.size() < Bounds.PEERS_OWN_MAX) return true;
        if (addresses.size() >= Bounds.PEERS_MAX || room.left == 0) return false;
        room.left--;
        return true;
    }

    boolean contains(IpAddress address) {
        return addresses.contains(address);
    }

    void release() {
        room.left += Math.max(0, addresses.size() - Bounds.PEERS_OWN_MAX);
        addresses.clear();
    }
}
