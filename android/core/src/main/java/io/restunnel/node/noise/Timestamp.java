package io.restunnel.node.noise;

import java.nio.ByteBuffer;

/** What keeps a first message from being replayed: seconds since 1970 and nanoseconds. Immutable. */
public final class Timestamp implements Comparable<Timestamp> {
    public static final int BYTES = 12;
    private static final int NANOS_PER_SECOND = 1_000_000_000;

    /** Unsigned. */
    private final long seconds;
    private final int nanos;

    private Timestamp(long seconds, int nanos) {
        this.seconds = seconds;
        this.nanos = nanos;
    }

    /** Null for bytes that are no timestamp. */
    public static Timestamp ofBytes(byte[] bytes) {
        if (bytes.length != BYTES) return null;
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        long seconds = buffer.getLong();
        int nanos = buffer.getInt();
        return nanos < 0 || nanos >= NANOS_PER_SECOND ? null : new Timestamp(seconds, nanos);
    }

    /** Of a new first message: now, or a nanosecond after the last if the clock is not past it. The last may be null. */
    public static Timestamp after(long wallMs, Timestamp last) {
        Timestamp now = new Timestamp(Math.floorDiv(wallMs, 1_000L), (int) Math.floorMod(wallMs, 1_000L) * 1_000_000);
        if (last == null || now.compareTo(last) > 0) return now;
        return last.nanos + 1 < NANOS_PER_SECOND ? new Timestamp(last.seconds, last.nanos + 1) : new Timestamp(last.seconds + 1, 0);
    }

    public byte[] toBytes() {
        return ByteBuffer.allocate(BYTES).putLong(seconds).putInt(nanos).array();
    }

    @Override
    public int compareTo(Timestamp other) {
        int bySeconds = Long.compareUnsigned(seconds, other.seconds);
        return bySeconds != 0 ? bySeconds : Integer.compare(nanos, other.nanos);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Timestamp && compareTo((Timestamp) other) == 0;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(seconds) * 31 + nanos;
    }
}
