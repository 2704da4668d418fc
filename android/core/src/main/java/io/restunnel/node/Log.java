package io.restunnel.node;

/** Where sentences for the owner go. They hold no payload, token, key or target. Called by any thread; must not block. */
public interface Log {
    void info(String sentence);

    void warn(String sentence);

    /** About one hub: its HOST:PORT. */
    default void info(String hub, String sentence) {
        info(hub + ": " + sentence);
    }

    default void warn(String hub, String sentence) {
        warn(hub + ": " + sentence);
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
