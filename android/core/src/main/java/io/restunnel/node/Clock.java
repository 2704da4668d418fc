package io.restunnel.node;

/** The two clocks of a device. */
public interface Clock {
    /**
     * Milliseconds that never go back. They must go on while the device sleeps, or a phone takes a session that died an hour ago for a
     * live one: on Android SystemClock.elapsedRealtime(), not System.nanoTime().
     */
    long elapsedMs();

    /** Milliseconds since 1970, as the owner's clock says. May jump. */
    long wallMs();

    Clock SYSTEM = new Clock() {
        @Override
        public long elapsedMs() {
            return System.nanoTime() / 1_000_000;
        }

        @Override
        public long wallMs() {
            return System.currentTimeMillis();
        }
    };
}
