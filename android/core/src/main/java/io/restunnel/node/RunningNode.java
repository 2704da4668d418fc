package io.restunnel.node;

import io.restunnel.node.exit.Exit;
import io.restunnel.node.exit.Tunnel;
import io.restunnel.node.hubs.Hub;
import io.restunnel.node.hubs.HubBook;
import io.restunnel.node.hubs.HubParts;
import io.restunnel.node.hubs.HubRecord;
import io.restunnel.node.hubs.StatusReport;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.names.Names;
import io.restunnel.node.noise.KeyPair;
import io.restunnel.node.policy.AllowRule;
import io.restunnel.node.policy.TargetPolicy;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The part of a node that runs: its threads, and what the loop's thread keeps. Methods are for that thread, but where they say otherwise. */
final class RunningNode {
    private static final long ANSWER_MS = 1_000;
    private static final long DRAIN_CHECK_MS = 50;
    private static final long THREAD_IDLE_MS = 10_000;

    private final NodeOptions options;
    private final HubBook book;
    private final KeyPair keyPair;
    private final HubParts parts = new HubParts();
    private final Loop loop;
    private final Exit exit;
    private final AddressWatch addresses;
    private final ExecutorService worker;
    private final ExecutorService lookups;
    private final Thread thread;
    private final Map<String, Hub> hubs = new LinkedHashMap<>();
    private final Set<String> paused = new HashSet<>();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Activity activity;
    private volatile List<HubStatus> lastStatuses = Collections.emptyList();
    private long drainUntilMs;
    private boolean isStopping;

    RunningNode(NodeOptions options, KeyPair keyPair, HubBook book, List<AllowRule> allow, SecureRandom random) throws IOException {
        this.options = options;
        this.book = book;
        this.keyPair = keyPair;
        loop = new Loop(options.clock, options.log::fault);
        worker = threads(1, 1, new LinkedBlockingQueue<>(), "restunnel-worker");
        lookups = threads(0, Integer.MAX_VALUE, new SynchronousQueue<>(), "restunnel-names");
        TargetPolicy policy = new TargetPolicy(allow);
        Names names = new Names(loop, options.sockets, lookups, hubs::size);
        activity = new Activity(loop, options.listener);
        exit = new Exit(loop, options.sockets, policy, names, options.descriptors, new HubOrders(), activity::moved);
        addresses = new AddressWatch(loop, worker, options.sockets, options.log, names, policy, hubs);
        parts.clock = options.clock;
        parts.log = options.log;
        parts.loop = loop;
        parts.sockets = options.sockets;
        parts.names = names;
        parts.exit = exit;
        parts.book = book;
        parts.keyPair = keyPair;
        parts.random = random;
        parts.status = new StatusReport(options.device, options.clock);
        parts.worker = worker;
        parts.onActivity = activity::moved;
        parts.onAddresses = addresses::apply;
        parts.onChange = hub -> options.listener.hubChanged(hub.status());
        thread = new Thread(this::run, "restunnel-node");
    }

    /** Threads that end when there is nothing to do. */
    private static ExecutorService threads(int least, int most, BlockingQueue<Runnable> queue, String name) {
        ThreadPoolExecutor pool = new ThreadPoolExecutor(least, most, THREAD_IDLE_MS, TimeUnit.MILLISECONDS, queue, task -> daemon(task, name));
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    private static Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    // --- Of any thread ---

    void start() {
        thread.start();
    }

    /** Of a node that was never started. */
    void endUnstarted() {
        daemon(() -> end(null), "restunnel-node").start();
    }

    void execute(Runnable task) {
        loop.execute(task);
    }

    List<HubStatus> hubs() {
        if (!thread.isAlive() || ended.getCount() == 0 || Thread.currentThread() == thread) return statuses();
        CountDownLatch answered = new CountDownLatch(1);
        List<HubStatus> answer = new ArrayList<>();
        loop.execute(() -> {
            answer.addAll(statuses());
            answered.countDown();
        });
        try {
            if (answered.await(ANSWER_MS, TimeUnit.MILLISECONDS)) return answer;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        // A busy loop is no reason to say that there are no hubs.
        return lastStatuses;
    }

    private List<HubStatus> statuses() {
        List<HubStatus> list = new ArrayList<>();
        for (HubRecord record : book.hubs()) {
            Hub hub = hubs.get(record.publicKey);
            list.add(hub != null ? hub.status()
                    : new HubStatus(record.publicKey, record.host, record.port, HubStatus.State.PAUSED, record.nodeId, 0, 0, 0, 0, null, null, 0));
        }
        lastStatuses = list;
        return list;
    }

    boolean awaitEnd(long timeoutMs) throws InterruptedException {
        return ended.await(timeoutMs, TimeUnit.MILLISECONDS);
    }

    // --- The loop's thread ---

    private void run() {
        Throwable failure = null;
        try {
            addresses.start();
            // What was asked before start() comes first: a paused hub is not dialled.
            loop.execute(() -> {
                for (HubRecord record : book.hubs()) paired(record.publicKey);
            });
            loop.after(Bounds.STATUS_EVERY_MS, this::statusIsDue);
            if (options.lanes == NodeOptions.LANES_AUTO) loop.after(Bounds.AUTO_LANE_EVERY_MS, this::addLanes);
            loop.run();
        } catch (IOException | RuntimeException | Error broken) {
            failure = broken;
        } finally {
            end(failure);
        }
    }

    private void end(Throwable failure) {
        for (Tunnel tunnel : exit.tunnels()) tunnel.close(new Failure(Failure.Code.STOPPING));
        // For whoever asks while the loop answers no more.
        statuses();
        loop.close();
        lookups.shutdownNow();
        worker.shutdown();
        keyPair.wipe();
        ended.countDown();
        options.listener.ended(failure);
    }

    /** A hub is on the list, perhaps with another address or token than before. */
    void paired(String publicKey) {
        if (isStopping || book.get(publicKey) == null || paused.contains(publicKey)) return;
        Hub known = hubs.get(publicKey);
        if (known != null) {
            known.redial(Failure.Code.PAIRED_ANEW);
            return;
        }
        Hub hub = new Hub(publicKey, parts, Math.max(1, options.lanes));
        hubs.put(publicKey, hub);
        hub.start();
    }

    private void addLanes() {
        for (Hub hub : hubs.values()) hub.addLaneIfFar();
        loop.after(Bounds.AUTO_LANE_EVERY_MS, this::addLanes);
    }

    void forget(String publicKey) {
        paused.remove(publicKey);
        Hub hub = hubs.remove(publicKey);
        if (hub == null) return;
        hub.stop();
        hub.close(Failure.Code.FORGOTTEN);
        exit.forget(publicKey);
        addresses.apply();
    }

    void pause(String publicKey) {
        paused.add(publicKey);
        Hub hub = hubs.get(publicKey);
        if (hub == null || hub.isPaused()) return;
        hub.stop();
        closeOnceDrained(hub, options.clock.elapsedMs() + Bounds.DRAIN_MS);
    }

    private void closeOnceDrained(Hub hub, long untilMs) {
        if (!hub.isPaused()) return;
        if (exit.isDrained(hub.publicKey) || loop.nowMs() >= untilMs) hub.close(Failure.Code.PAUSED);
        else loop.after(DRAIN_CHECK_MS, () -> closeOnceDrained(hub, untilMs));
    }

    void resume(String publicKey) {
        if (!paused.remove(publicKey)) return;
        Hub hub = hubs.get(publicKey);
        if (hub == null) {
            paired(publicKey);
            return;
        }
        // A session that still drains takes no streams.
        hub.close(Failure.Code.RESUMED);
        if (!isStopping) hub.start();
    }

    void networkChanged(boolean leaveAll) {
        parts.names.networkChanged();
        addresses.networkChanged();
        for (Hub hub : hubs.values()) {
            if (leaveAll) hub.redial(Failure.Code.NETWORK_CHANGED);
            else hub.redialWaiting();
        }
        sendStatus();
    }

    // --- What the hubs hear ---

    private void statusIsDue() {
        sendStatus();
        loop.after(Bounds.STATUS_EVERY_MS, this::statusIsDue);
    }

    void sendStatus() {
        for (Hub hub : hubs.values()) sendStatus(hub);
    }

    private void sendStatus(Hub hub) {
        countBytes();
        worker.execute(() -> {
            byte[] json = parts.status.json(hub.publicKey);
            loop.execute(() -> hub.sendStatus(json));
        });
    }

    private void countBytes() {
        long sent = 0;
        long received = 0;
        for (String publicKey : hubs.keySet()) {
            sent += exit.sentBytes(publicKey);
            received += exit.receivedBytes(publicKey);
        }
        parts.status.setBytes(sent, received);
    }

    private final class HubOrders implements Exit.Orders {
        @Override
        public void rotate(String publicKey, long request) {
            Hub hub = hubs.get(publicKey);
            if (hub != null && parts.status.refuseRotation(publicKey, request)) sendStatus(hub);
        }

        @Override
        public void sharedKey(String publicKey, long waitMs) {
            Hub hub = hubs.get(publicKey);
            if (hub != null) hub.backOff(Math.min(waitMs, Bounds.SENT_AWAY_MAX_MS), Failure.Code.SHARED_KEY);
        }
    }

    // --- Stop ---

    /** A second call stops at once. */
    void stop(long drainMs) {
        if (isStopping) {
            loop.end();
            return;
        }
        isStopping = true;
        for (Hub hub : hubs.values()) hub.stop();
        drainUntilMs = options.clock.elapsedMs() + drainMs;
        endOnceDrained();
    }

    private void endOnceDrained() {
        boolean isDrained = true;
        for (String publicKey : hubs.keySet()) isDrained &= exit.isDrained(publicKey);
        if (isDrained || loop.nowMs() >= drainUntilMs) loop.end();
        else loop.after(DRAIN_CHECK_MS, this::endOnceDrained);
    }
}
