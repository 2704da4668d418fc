package io.restunnel.node.names;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import io.restunnel.node.Clock;
import io.restunnel.node.Sockets;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.loop.Loop;
import io.restunnel.node.policy.IpAddress;
import io.restunnel.node.wire.Reason;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

/** Names that nobody answers, each of which blocks a thread, beside names that have an answer. */
public class LookupThreadsTest {
    private static final int TEST_MS = 60_000;

    private final CountDownLatch over = new CountDownLatch(1);
    private final AtomicInteger asked = new AtomicInteger();
    private final AtomicInteger silent = new AtomicInteger();
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private volatile int hubs = 1;
    private volatile long nowMs = 1_000;
    private Loop loop;
    private Names names;

    private final class Resolver implements Sockets {
        @Override
        public InetAddress[] resolve(String name) throws UnknownHostException {
            asked.incrementAndGet();
            if (name.startsWith("silent")) {
                silent.incrementAndGet();
                awaitEnd();
                throw new UnknownHostException(name);
            }
            return new InetAddress[] {InetAddress.getLoopbackAddress()};
        }

        @Override
        public SocketChannel openTcp() {
            throw new UnsupportedOperationException();
        }

        @Override
        public DatagramChannel openUdp(boolean ipv6) {
            throw new UnsupportedOperationException();
        }

        @Override
        public List<InterfaceAddress> ownAddresses() {
            return Collections.emptyList();
        }
    }

    private void awaitEnd() {
        try {
            over.await();
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    @Before
    public void start() throws Exception {
        // Time stands still but for what a test says.
        Clock clock = new Clock() {
            @Override
            public long elapsedMs() {
                return nowMs;
            }

            @Override
            public long wallMs() {
                return nowMs;
            }
        };
        loop = new Loop(clock, fault -> answers.add("fault: " + fault));
        names = new Names(loop, new Resolver(), threads, () -> hubs);
        threads.execute(() -> {
            try {
                loop.run();
            } catch (java.io.IOException broken) {
                answers.add("fault: " + broken);
            }
        });
    }

    @After
    public void end() {
        over.countDown();
        loop.end();
        threads.shutdown();
    }

    private void ask(String name, String hub) {
        loop.execute(() -> names.lookUp(name, hub, new Names.Asker() {
            @Override
            public void found(List<IpAddress> addresses) {
                answers.add(name);
            }

            @Override
            public void notFound(Reason reason) {
                answers.add(name + " " + reason);
            }
        }));
    }

    private void askSilent(int count, String hub) {
        for (int i = 0; i < count; i++) ask("silent" + hub + asked.get() + "-" + i, hub);
    }

    private void await(AtomicInteger counter, int value) {
        while (counter.get() < value) Thread.onSpinWait();
        assertEquals(value, counter.get());
    }

    private void later(long ms) {
        nowMs += ms;
        // The loop wakes for a task, and looks at its timers then.
        loop.execute(() -> { });
    }

    @Test(timeout = TEST_MS)
    public void oneHubsSilentNamesLeaveThreadsToTheOthers() throws Exception {
        hubs = 2;
        askSilent(200, "a");
        await(silent, Bounds.LOOKUP_THREADS_MAX - Bounds.LOOKUP_THREADS_MAX / Bounds.SHARED_DIVISOR);
        ask("good", "b");
        assertEquals("good", answers.take());
    }

    @Test(timeout = TEST_MS)
    public void silentNamesMakeRoomAfterAWhileAlsoForTheSameHub() throws Exception {
        askSilent(100, "a");
        ask("good", "a");
        await(silent, Bounds.LOOKUP_THREADS_MAX);
        later(Bounds.LOOKUP_SLOW_MS);
        assertEquals("good", answers.take());
    }

    @Test(timeout = TEST_MS)
    public void whatNobodyWaitsForAnyMoreIsNotAsked() throws Exception {
        int bound = Bounds.LOOKUP_THREADS_MAX + Bounds.SLOW_LOOKUP_THREADS_MAX;
        askSilent(Bounds.LOOKUPS_PER_HUB_MAX, "a");
        for (int round = 1; round <= 3; round++) {
            await(silent, round * Bounds.LOOKUP_THREADS_MAX);
            later(Bounds.LOOKUP_SLOW_MS);
        }
        await(silent, bound);
        later(Bounds.NAME_TIMEOUT_MS);
        for (int i = 0; i < Bounds.LOOKUPS_PER_HUB_MAX; i++) {
            String answer = answers.take();
            assertTrue(answer, answer.endsWith(Reason.RESOLVER_SILENT.name()));
        }
        over.countDown();
        ask("good", "a");
        assertEquals("good", answers.take());
        assertEquals(bound, silent.get());
    }
}
