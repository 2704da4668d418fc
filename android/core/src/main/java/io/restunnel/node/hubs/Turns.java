package io.restunnel.node.hubs;

import java.util.ArrayDeque;

/** The lanes of a hub shake hands one after the other: the hub takes timestamps in their order only. */
final class Turns {
    private static final class Waiting {
        final HubLane lane;
        final Runnable task;

        Waiting(HubLane lane, Runnable task) {
            this.lane = lane;
            this.task = task;
        }
    }

    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    private HubLane current;

    /** Runs the task when it is the lane's turn. */
    void take(HubLane lane, Runnable task) {
        waiting.add(new Waiting(lane, task));
        if (current == null) next();
    }

    /** The lane's handshake is over, or it waits no more. Harmless twice. */
    void give(HubLane lane) {
        waiting.removeIf(one -> one.lane == lane);
        if (current == lane) next();
    }

    private void next() {
        Waiting one = waiting.poll();
        current = one == null ? null : one.lane;
        if (one != null) one.task.run();
    }
}
