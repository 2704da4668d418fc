package io.restunnel.node.loop;

/** Something that a loop does later, once. */
public final class Timer implements Comparable<Timer> {
    final long dueMs;
    private final long number;
    /** Null: cancelled, or done. */
    Runnable task;

    Timer(long dueMs, long number, Runnable task) {
        this.dueMs = dueMs;
        this.number = number;
        this.task = task;
    }

    /** Harmless when it is over. */
    public void cancel() {
        task = null;
    }

    @Override
    public int compareTo(Timer other) {
        int byTime = Long.compare(dueMs, other.dueMs);
        return byTime != 0 ? byTime : Long.compare(number, other.number);
    }
}
