package io.restunnel.node.loop;

import io.restunnel.node.Clock;
import java.io.IOException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/** One thread that waits for sockets, timers and tasks of other threads, and then lets every tunnel send what it gathered. */
public final class Loop implements Executor {
    /** What a channel's key has for attachment. */
    public interface Handler {
        /** The channel can do something that the key is interested in. */
        void ready(SelectionKey key);
    }

    private final Selector selector;
    private final Clock clock;
    private final Consumer<Throwable> onFault;
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final PriorityQueue<Timer> timers = new PriorityQueue<>();
    private long lastTimer;
    private List<Runnable> endOfTurn = new ArrayList<>();
    private List<Runnable> nextEndOfTurn = new ArrayList<>();
    private long nowMs;
    private volatile boolean isEnding;
    private final Object endLock = new Object();
    /** A closed selector must not be woken. */
    private boolean isClosed;

    public Loop(Clock clock, Consumer<Throwable> onFault) throws IOException {
        this.clock = clock;
        this.onFault = onFault;
        selector = Selector.open();
        nowMs = clock.elapsedMs();
    }

    /** Of the turn under way. */
    public long nowMs() {
        return nowMs;
    }

    /** From any thread: runs it in this one. Nothing after the end. */
    @Override
    public void execute(Runnable task) {
        synchronized (endLock) {
            if (isClosed) return;
            tasks.add(task);
            selector.wakeup();
        }
    }

    // The rest is for the loop's own thread.

    public Timer after(long delayMs, Runnable task) {
        Timer timer = new Timer(clock.elapsedMs() + delayMs, ++lastTimer, task);
        timers.add(timer);
        return timer;
    }

    /** Once, when this turn's sockets, timers and tasks are done. Called during that, it means the next turn, which comes at once. */
    public void atEndOfTurn(Runnable task) {
        endOfTurn.add(task);
    }

    public SelectionKey register(SelectableChannel channel, int interest, Handler handler) throws IOException {
        return channel.register(selector, interest, handler);
    }

    /** Ends run() after this turn. From any thread. */
    public void end() {
        isEnding = true;
        selector.wakeup();
    }

    /** Until end(). What a task or a handler throws is reported, and costs nobody else anything. */
    public void run() throws IOException {
        while (!isEnding) {
            select();
            nowMs = clock.elapsedMs();
            serveChannels();
            for (Runnable task; (task = tasks.poll()) != null;) guarded(task);
            serveTimers();
            List<Runnable> ending = endOfTurn;
            endOfTurn = nextEndOfTurn;
            nextEndOfTurn = ending;
            for (int i = 0; i < ending.size(); i++) guarded(ending.get(i));
            ending.clear();
        }
    }

    private void select() throws IOException {
        while (!timers.isEmpty() && timers.peek().task == null) timers.poll();
        if (!endOfTurn.isEmpty() || !tasks.isEmpty()) {
            selector.selectNow();
        } else if (timers.isEmpty()) {
            selector.select();
        } else {
            long waitMs = timers.peek().dueMs - clock.elapsedMs();
            if (waitMs > 0) selector.select(waitMs);
            else selector.selectNow();
        }
    }

    private void serveChannels() {
        Iterator<SelectionKey> keys = selector.selectedKeys().iterator();
        while (keys.hasNext()) {
            SelectionKey key = keys.next();
            keys.remove();
            // A handler before it may have closed it.
            if (!key.isValid()) continue;
            try {
                ((Handler) key.attachment()).ready(key);
            } catch (RuntimeException fault) {
                onFault.accept(fault);
                // Or it would be ready again at once.
                Channels.closeQuietly(key.channel());
            }
        }
    }

    private void guarded(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException fault) {
            onFault.accept(fault);
        }
    }

    private void serveTimers() {
        while (!timers.isEmpty() && timers.peek().dueMs <= nowMs) {
            Runnable task = timers.poll().task;
            if (task != null) guarded(task);
        }
    }

    /** Closes what is still registered, without farewell. After run(). */
    public void close() {
        synchronized (endLock) {
            isClosed = true;
        }
        for (SelectionKey key : selector.keys()) Channels.closeQuietly(key.channel());
        try {
            selector.close();
        } catch (IOException alreadyGone) {
            // Nothing is left to do.
        }
    }
}
