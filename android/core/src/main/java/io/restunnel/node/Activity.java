package io.restunnel.node;

import io.restunnel.node.loop.Loop;

/** Whether bytes of streams move, or a dial is under way: what a wake lock is for. Of the loop's thread. */
final class Activity {
    private final Loop loop;
    private final NodeListener listener;
    private boolean isActive;
    private long lastMs;

    Activity(Loop loop, NodeListener listener) {
        this.loop = loop;
        this.listener = listener;
    }

    void moved() {
        lastMs = loop.nowMs();
        if (isActive) return;
        isActive = true;
        listener.activityChanged(true);
        check();
    }

    private void check() {
        long leftMs = lastMs + NodeOptions.IDLE_AFTER_MS - loop.nowMs();
        if (leftMs > 0) {
            loop.after(leftMs, this::check);
            return;
        }
        isActive = false;
        listener.activityChanged(false);
    }
}
