package io.restunnel.node.names;

import io.restunnel.node.limits.Bounds;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.loop.Timer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.IntSupplier;

/**
 * Runs questions that each block a thread, and that nothing can call off. So many run at once; one that has no answer for a while makes room
 * for another, up to a second bound. Of both, the last part is divided among the hubs. Of the loop's thread.
 */
final class LookupThreads {
    interface Job {
        /** False: nobody waits for it any more, so it is not asked. */
        boolean isWanted();

        /** Blocks, on a thread of its own. */
        void ask();
    }

    /** What one hub asks. */
    private static final class Share {
        final ArrayDeque<Job> waiting = new ArrayDeque<>();
        int quick;
        int slow;

        boolean isIdle() {
            return waiting.isEmpty() && quick + slow == 0;
        }
    }

    private final class Running {
        private final Share share;
        private final Job job;
        private Timer timer;
        private boolean isSlow;

        Running(Share share, Job job) {
            this.share = share;
            this.job = job;
        }

        void start() {
            share.quick++;
            quick++;
            timer = loop.after(Bounds.LOOKUP_SLOW_MS, this::isStillRunning);
            threads.execute(() -> {
                try {
                    job.ask();
                } finally {
                    loop.execute(this::over);
                }
            });
        }

        private void isStillRunning() {
            if (!hasRoom(slow, slowMax, share.slow)) {
                timer = loop.after(Bounds.LOOKUP_SLOW_MS, this::isStillRunning);
                return;
            }
            isSlow = true;
            share.quick--;
            quick--;
            share.slow++;
            slow++;
            startWaiting();
        }

        private void over() {
            timer.cancel();
            if (isSlow) {
                share.slow--;
                slow--;
            } else {
                share.quick--;
                quick--;
            }
            startWaiting();
        }
    }

    private final Loop loop;
    private final Executor threads;
    private final int quickMax;
    private final int slowMax;
    private final IntSupplier hubCount;
    private final Map<String, Share> shares = new HashMap<>();
    private int quick;
    private int slow;

    /**
     * @param threads  makes as many threads as it is given tasks
     * @param quickMax how many may run
     * @param slowMax  how many more, which have run for {@link Bounds#LOOKUP_SLOW_MS}
     * @param hubCount how many hubs the node has
     */
    LookupThreads(Loop loop, Executor threads, int quickMax, int slowMax, IntSupplier hubCount) {
        this.loop = loop;
        this.threads = threads;
        this.quickMax = quickMax;
        this.slowMax = slowMax;
        this.hubCount = hubCount;
    }

    void run(String hub, Job job) {
        shares.computeIfAbsent(hub, key -> new Share()).waiting.add(job);
        startWaiting();
    }

    private void startWaiting() {
        for (Share share; (share = next()) != null;) new Running(share, share.waiting.poll()).start();
        shares.values().removeIf(Share::isIdle);
    }

    /** Of those that wait and may run one more, the one with the fewest under way. */
    private Share next() {
        Share least = null;
        for (Share share : shares.values()) {
            while (!share.waiting.isEmpty() && !share.waiting.peek().isWanted()) share.waiting.poll();
            if (share.waiting.isEmpty() || !hasRoom(quick, quickMax, share.quick)) continue;
            if (least == null || share.quick + share.slow < least.quick + least.slow) least = share;
        }
        return least;
    }

    private boolean hasRoom(int used, int most, int own) {
        if (used >= most) return false;
        int divided = most / Bounds.SHARED_DIVISOR;
        int hubs = hubCount.getAsInt();
        return used < most - divided || hubs <= 1 || own < Math.max(1, divided / hubs);
    }
}
