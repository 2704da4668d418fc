package io.restunnel.node.session;

import static io.restunnel.node.TestFiles.hex;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import io.restunnel.node.TestFiles;
import io.restunnel.node.noise.Capabilities;
import io.restunnel.node.noise.Handshakes;
import io.restunnel.node.noise.Initiator;
import io.restunnel.node.noise.KeyPair;
import io.restunnel.node.noise.Message1;
import io.restunnel.node.noise.Message2;
import io.restunnel.node.noise.NodeId;
import io.restunnel.node.noise.Timestamp;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** One whole session, byte for byte: test/tunnel/wire-transcript.json, which the TypeScript node made. */
public class TranscriptTest {
    @Test
    public void saysWhatTheTypeScriptNodeSays() throws Exception {
        Map<String, Object> transcript = TestFiles.json("tunnel/wire-transcript.json");
        Map<?, ?> secrets = (Map<?, ?>) transcript.get("secretKeys");
        Map<?, ?> recordKeys = (Map<?, ?>) transcript.get("recordKeys");
        List<?> steps = (List<?>) transcript.get("steps");
        KeyPair node = new KeyPair(hex(secrets.get("node")));
        assertEquals(transcript.get("nodeId"), NodeId.of(node.publicKey()));

        byte[] token = new byte[32];
        Arrays.fill(token, (byte) 5);
        byte[] payload1 = Message1.encode(Timestamp.after(1_700_000_000_123L, null), 0, token, "phone", 7);
        assertEquals(field(steps, 0, "plain"), hex(payload1));
        Initiator initiator = Handshakes.fixed(new KeyPair(hex(secrets.get("nodeEphemeral"))), node,
                new KeyPair(hex(secrets.get("hub"))).publicKey(), payload1);
        assertEquals(field(steps, 0, "bytes"), withLength(initiator.message1()));

        byte[] message2 = hex(field(steps, 1, "bytes"));
        Initiator.Result result = initiator.finish(Arrays.copyOfRange(message2, 2, message2.length));
        assertEquals(field(steps, 1, "plain"), hex(result.payload));
        assertEquals(recordKeys.get("nodeToHub"), hex(result.sendKey));
        assertEquals(recordKeys.get("hubToNode"), hex(result.receiveKey));
        Message2 payload2 = Message2.decode(result.payload);
        assertEquals(262_144, payload2.initialWindowBytes);
        assertEquals("192.0.2.7", payload2.observedAddress);
        assertEquals(transcript.get("nodeId"), payload2.enrolledAs);

        TestHub hub = new TestHub(payload2.capabilities & Capabilities.OFFERED, result.sendKey, result.receiveKey);
        hub.acceptsAtOnce = false;
        hub.session.sendStatus("{\"platform\":\"linux\"}".getBytes("UTF-8"));
        nodeSays(hub, steps, 2);
        hub.deliver(hex(field(steps, 3, "bytes")));
        hub.session.ping(hub.nowMs);
        nodeSays(hub, steps, 4);
        hub.deliver(hex(field(steps, 5, "bytes")));
        assertEquals("hello", hub.targets.get(0).received.toString("UTF-8"));
        hub.session.accept(hub.streams.get(0));
        hub.streams.get(0).local = new World(hub.session, hub.streams.get(0));
        hub.session.readable(hub.streams.get(0));
        nodeSays(hub, steps, 6);
        hub.deliver(hex(field(steps, 7, "bytes")));
        assertEquals(0, hub.session.streamCount());
        hub.deliver(hex(field(steps, 8, "bytes")));
        assertEquals(9, steps.size());
    }

    /** A target that says "world" and ends, in one turn. */
    private static final class World implements LocalStream {
        private final Session session;
        private final TunnelStream stream;
        private byte[] left = {'w', 'o', 'r', 'l', 'd'};

        World(Session session, TunnelStream stream) {
            this.session = session;
            this.stream = stream;
        }

        @Override
        public int read(ByteBuffer to, int at, int length) {
            if (left == null) return END;
            for (byte letter : left) to.put(at++, letter);
            left = null;
            return 5;
        }

        @Override
        public void drained() {
            // The end is known at once.
            session.readable(stream);
        }

        @Override
        public int receive(ByteBuffer from, int at, int length) {
            return length;
        }

        @Override
        public void ended() {
        }

        @Override
        public void aborted() {
        }

        @Override
        public void datagram(ByteBuffer from, int at, int headerBytes, int length) {
        }
    }

    private static void nodeSays(TestHub hub, List<?> steps, int index) {
        assertArrayEquals("step " + index, hex(field(steps, index, "bytes")), hub.take());
    }

    private static String withLength(byte[] message) {
        return String.format("%04x", message.length) + hex(message);
    }

    private static String field(List<?> steps, int index, String name) {
        return (String) ((Map<?, ?>) steps.get(index)).get(name);
    }
}
