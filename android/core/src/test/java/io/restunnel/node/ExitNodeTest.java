package io.restunnel.node;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import io.restunnel.node.HubStatus.State;
import io.restunnel.node.wire.Frame;
import java.io.IOException;
import java.net.InetAddress;
import java.net.StandardProtocolFamily;
import java.net.UnknownHostException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.After;
import org.junit.Test;

/** What an app does with a node, against a hub on loopback. */
public class ExitNodeTest {
    private static final int TEST_MS = 60_000;

    private final Memory memory = new Memory();
    private final BlockingQueue<HubStatus> changes = new LinkedBlockingQueue<>();
    private final BlockingQueue<Boolean> activity = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> ends = new LinkedBlockingQueue<>();
    private volatile boolean hasNetwork = true;
    private volatile String network = "wifi";
    private int lanes = 1;
    private ExitNode node;

    private static final class Memory implements NodeStorage {
        byte[] key;
        volatile String state;
        boolean isLocked;

        @Override
        public byte[] loadPrivateKey() throws IOException {
            if (isLocked) throw new IOException("the Keystore does not answer");
            return key == null ? null : key.clone();
        }

        @Override
        public void storePrivateKey(byte[] made) {
            key = made.clone();
        }

        @Override
        public String loadState() {
            return state;
        }

        @Override
        public void storeState(String next) {
            state = next;
        }
    }

    private final class Network implements Sockets {
        @Override
        public SocketChannel openTcp() throws IOException {
            if (!hasNetwork) throw new NoNetworkException("waits for Wi-Fi");
            return SocketChannel.open();
        }

        @Override
        public DatagramChannel openUdp(boolean ipv6) throws IOException {
            return DatagramChannel.open(ipv6 ? StandardProtocolFamily.INET6 : StandardProtocolFamily.INET);
        }

        @Override
        public InetAddress[] resolve(String name) throws UnknownHostException {
            throw new UnknownHostException(name);
        }

        @Override
        public List<InterfaceAddress> ownAddresses() {
            return Collections.singletonList(new InterfaceAddress(InetAddress.getLoopbackAddress(), 8));
        }
    }

    private final class Device implements DeviceFacts {
        @Override
        public String platform() {
            return "android";
        }

        @Override
        public String version() {
            return "1.2.3";
        }

        @Override
        public String network() {
            return network;
        }

        @Override
        public Integer batteryPercent() {
            return 80;
        }

        @Override
        public Boolean charging() {
            return null;
        }
    }

    private ExitNode make() throws Exception {
        return new ExitNode(new NodeOptions(memory, new Network(), new Device()).lanes(lanes).listener(new NodeListener() {
            @Override
            public void hubChanged(HubStatus hub) {
                changes.add(hub);
            }

            @Override
            public void activityChanged(boolean active) {
                activity.add(active);
            }

            @Override
            public void ended(Throwable failure) {
                ends.add(String.valueOf(failure));
            }
        }));
    }

    private FakeHub.Session connect(FakeHub hub) throws Exception {
        node = make();
        node.pair(hub.link(), "phone");
        node.start();
        FakeHub.Session session = hub.sessions.take();
        await(State.CONNECTED);
        return session;
    }

    private HubStatus await(State state) throws InterruptedException {
        for (;;) {
            HubStatus status = changes.take();
            if (status.state == state) return status;
        }
    }

    @After
    public void stop() throws Exception {
        if (node == null) return;
        node.stop(0);
        node.awaitEnd(TEST_MS);
    }

    @Test(timeout = TEST_MS)
    public void pairsConnectsAndRemembers() throws Exception {
        try (FakeHub hub = new FakeHub()) {
            FakeHub.Session session = connect(hub);
            HubStatus status = node.hubs().get(0);
            assertEquals(hub.link().hubPublicKeyText(), status.publicKey);
            assertEquals(node.nodeId(), status.nodeId);
            assertEquals(1, status.lanes);
            assertNull(status.lastFailure);
            assertTrue(session.statuses.take().startsWith("{\"platform\":\"android\",\"network\":\"wifi\",\"version\":\"1.2.3\""));
            assertTrue(activity.take());
            node.stop(1_000);
            session.awaitEnd();
            assertEquals("null", ends.take());

            // Another start: the same key, without the token.
            node = make();
            node.start();
            FakeHub.Session again = hub.sessions.take();
            assertTrue(again.payload1.length < 300);
            assertFalse(memory.state.contains(hub.link().hubPublicKeyText() + "\",\"nodeId\":null"));
            await(State.CONNECTED);
        }
    }

    @Test(timeout = TEST_MS)
    public void pausesResumesAndForgets() throws Exception {
        try (FakeHub hub = new FakeHub()) {
            FakeHub.Session session = connect(hub);
            String key = hub.link().hubPublicKeyText();
            node.pause(key);
            session.awaitEnd();
            await(State.PAUSED);
            node.resume(key);
            FakeHub.Session second = hub.sessions.take();
            await(State.CONNECTED);
            assertTrue(node.forget(key));
            second.awaitEnd();
            assertEquals(Collections.emptyList(), node.hubs());
            assertFalse(node.forget(key));
            // The same link again.
            node.pair(hub.link(), "phone");
            assertNotNull(hub.sessions.take());
        }
    }

    @Test(timeout = TEST_MS)
    public void aHubThatIsPausedBeforeTheStartIsNotDialled() throws Exception {
        try (FakeHub hub = new FakeHub()) {
            node = make();
            node.pair(hub.link(), "phone");
            node.pause(hub.link().hubPublicKeyText());
            node.start();
            assertEquals(State.PAUSED, node.hubs().get(0).state);
            assertEquals(0, hub.sessions.size());
            node.resume(hub.link().hubPublicKeyText());
            assertNotNull(hub.sessions.take());
        }
    }

    @Test(timeout = TEST_MS)
    public void waitsForANetworkAndLeavesOne() throws Exception {
        try (FakeHub hub = new FakeHub()) {
            hasNetwork = false;
            node = make();
            node.pair(hub.link(), "phone");
            node.start();
            assertEquals("cannot connect to the hub (waits for Wi-Fi)", await(State.NO_NETWORK).lastFailure.sentence());
            hasNetwork = true;
            node.networkChanged(false);
            FakeHub.Session first = hub.sessions.take();
            await(State.CONNECTED);
            node.networkChanged(true);
            first.awaitEnd();
            assertNotNull(hub.sessions.take());
        }
    }

    @Test(timeout = TEST_MS)
    public void tellsTheHubsWhatChanged() throws Exception {
        try (FakeHub hub = new FakeHub()) {
            FakeHub.Session session = connect(hub);
            session.statuses.take();
            network = "cellular";
            node.deviceChanged();
            assertTrue(session.statuses.take().contains("\"network\":\"cellular\""));
            session.send(control("{\"rotate\":{\"request\":5}}"));
            String answer = session.statuses.take();
            assertTrue(answer, answer.contains("\"rotation\":{\"request\":5,\"ok\":false"));
        }
    }

    private static byte[] control(String order) throws Exception {
        byte[] json = order.getBytes("UTF-8");
        byte[] frame = new byte[9 + json.length];
        Frame.writeHeader(frame, 0, Frame.CONTROL, 0, json.length);
        System.arraycopy(json, 0, frame, 9, json.length);
        return frame;
    }

    @Test(timeout = TEST_MS)
    public void keepsAwayWhileAnotherDeviceHasItsKeyUnlessTheNetworkChanges() throws Exception {
        try (FakeHub hub = new FakeHub()) {
            FakeHub.Session session = connect(hub);
            session.send(control("{\"sharedKey\":{\"waitMs\":86400000}}"));
            session.awaitEnd();
            HubStatus status = await(State.WAITING);
            assertEquals(Failure.Code.SHARED_KEY, status.lastFailure.code);
            long waitMs = status.nextDialElapsedMs - Clock.SYSTEM.elapsedMs();
            assertTrue("waits " + waitMs, waitMs > 1_800_000 && waitMs <= 3_600_000);
            node.networkChanged(false);
            assertNotNull(hub.sessions.take());
            await(State.CONNECTED);
        }
    }

    @Test(timeout = TEST_MS)
    public void aHubThatSendsItAwayInItsFirstRecordIsNeverConnected() throws Exception {
        try (FakeHub hub = new FakeHub()) {
            hub.greeting = control("{\"sharedKey\":{\"waitMs\":600000}}");
            node = make();
            node.pair(hub.link(), "phone");
            node.start();
            hub.sessions.take().awaitEnd();
            for (HubStatus status = changes.take(); status.state != State.WAITING; status = changes.take()) {
                assertEquals(State.CONNECTING, status.state);
            }
        }
    }

    @Test(timeout = TEST_MS)
    public void aSecondLaneGoesToAHubThatIsFarAway() throws Exception {
        lanes = NodeOptions.LANES_AUTO;
        try (FakeHub hub = new FakeHub()) {
            hub.roundTripMs = 30;
            assertEquals(0, connect(hub).lane());
            assertEquals(1, hub.sessions.take().lane());
            while (await(State.CONNECTED).lanes < 2) {
                // The second is on its way.
            }
        }
    }

    @Test(timeout = TEST_MS)
    public void aNodeThatNeverStartedEndsAtOnce() throws Exception {
        node = make();
        node.stop(10_000);
        assertTrue(node.awaitEnd(TEST_MS));
        assertEquals("null", ends.take());
        node.stop(0);
        assertThrows(IllegalStateException.class, () -> node.start());
    }

    @Test(timeout = TEST_MS)
    public void aLostSessionIsDialledAgain() throws Exception {
        try (FakeHub hub = new FakeHub()) {
            FakeHub.Session session = connect(hub);
            session.socket.close();
            assertNotNull(hub.sessions.take());
            await(State.CONNECTED);
        }
    }

    @Test(timeout = TEST_MS)
    public void afterItsEndItHearsNothing() throws Exception {
        try (FakeHub hub = new FakeHub()) {
            connect(hub);
            node.stop(0);
            assertTrue(node.awaitEnd(TEST_MS));
            assertEquals("null", ends.take());
            node.networkChanged(true);
            node.deviceChanged();
            node.pause(hub.link().hubPublicKeyText());
            node.stop(0);
            assertEquals(1, node.hubs().size());
        }
    }

    @Test(timeout = TEST_MS)
    public void aKeyThatCannotBeReadIsNotReplaced() throws Exception {
        memory.isLocked = true;
        assertThrows(IOException.class, this::make);
        assertNull(memory.key);
        memory.isLocked = false;
        memory.key = new byte[31];
        assertThrows(UserException.class, this::make);
    }
}
