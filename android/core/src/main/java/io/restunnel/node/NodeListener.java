package io.restunnel.node;

/** Hears what changes. Called by the node's selector thread: must return at once, and may call the node. */
public interface NodeListener {
    /** A hub's state, lanes, address or failure changed. Counters and streams change without a call: read {@link ExitNode#hubs()}. */
    void hubChanged(HubStatus hub);

    /**
     * True when bytes of streams begin to move, or a dial begins; false once nothing has for {@link NodeOptions#IDLE_AFTER_MS}. For a wake
     * lock.
     */
    void activityChanged(boolean active);

    /** The node has ended: its sockets are closed. Null after {@link ExitNode#stop}, otherwise why it had to. */
    void ended(Throwable failure);

    NodeListener NONE = new NodeListener() {
        @Override
        public void hubChanged(HubStatus hub) {
        }

        @Override
        public void activityChanged(boolean active) {
        }

        @Override
        public void ended(Throwable failure) {
        }
    };
}
