package io.restunnel.node;

/** Where sentences for the owner go. They hold no payload, token, key or target. Called by any thread; must not block. */
public interface Log {
    void info(String sentence);

    void warn(String sentence);

    /** About one hub: its HOST:PORT. */
    default void info(String hub, String sentence) {
        info(hub + ": " + sentence);
    }

    /** A dial failed or a session ended: the next dial comes in so long. The same reason is not told twice in a row. */
    default void lost(String hub, String reason, long retryInMs) {
        warn(hub + ": " + reason);
    }

    /** An error of the node's own, which cost no more than one session. */
    default void fault(Throwable error) {
        warn("an internal error: " + error);
    }

    Log NONE = new Log() {
        @Override
        public void info(String sentence) {
        }

        @Override
        public void warn(String sentence) {
        }
    };
}
