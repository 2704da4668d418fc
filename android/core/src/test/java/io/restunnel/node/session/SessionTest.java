package io.restunnel.node.session;

import static io.restunnel.node.session.TestHub.connect;
import static io.restunnel.node.session.TestHub.frame;
import static io.restunnel.node.session.TestHub.u32;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import io.restunnel.node.wire.Frame;
import io.restunnel.node.wire.Reason;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.Test;

public class SessionTest {
    private static final int ID = 0x10007;
    private final TestHub hub = new TestHub();

    private TunnelStream open() throws Exception {
        hub.send(connect(ID, "example.com", 443));
        assertEquals(Collections.singletonList("CONNECT_OK 10007"), hub.frames());
        return hub.streams.get(0);
    }

    private TestHub.TestTarget target() {
        return hub.targets.get(hub.targets.size() - 1);
    }

    // --- Streams ---

    @Test
    public void aStreamFromItsConnectToTheLastEnd() throws Exception {
        hub.send(connect(ID, "example.com", 443), frame(Frame.DATA, ID, new byte[100]));
        assertEquals(Collections.singletonList("connect example.com 443"), hub.asked);
        assertEquals(100, target().received.size());
        target().readable = 5;
        hub.session.readable(hub.streams.get(0));
        assertEquals(Arrays.asList("CONNECT_OK 10007", "DATA 10007 5 bytes"), hub.frames());
        target().hasEnd = true;
        hub.session.readable(hub.streams.get(0));
        assertEquals(Collections.singletonList("CLOSE 10007 00"), hub.frames());
        hub.send(frame(Frame.DATA, ID, new byte[3]), frame(Frame.CLOSE, ID, (byte) 0));
        assertEquals(103, target().received.size());
        assertTrue(target().events.contains("ended"));
        assertEquals(0, hub.session.streamCount());
        // The slot is free again, for the next generation.
        hub.send(connect(0x20007, "a", 1));
        assertEquals(Collections.singletonList("CONNECT_OK 20007"), hub.frames());
    }

    @Test
    public void aRefusedStreamAndItsLateFrames() throws Exception {
        hub.acceptsAtOnce = false;
        hub.send(connect(ID, "a", 1));
        hub.session.refuse(hub.streams.get(0), Reason.REFUSED);
        hub.send(frame(Frame.DATA, ID, new byte[10]));
        assertEquals(Collections.singletonList("CONNECT_FAIL 10007 05"), hub.frames());
        hub.send(frame(Frame.DATA, ID, new byte[10]), frame(Frame.CLOSE, ID, (byte) 9), frame(Frame.WINDOW, ID, u32(0)));
        assertEquals(Collections.emptyList(), hub.frames());
    }

    @Test
    public void theHubGivesUp() throws Exception {
        open();
        hub.send(frame(Frame.CLOSE, ID, (byte) 1));
        assertEquals(Collections.singletonList("aborted"), target().events);
        assertEquals(0, hub.session.streamCount());
        assertEquals(Collections.emptyList(), hub.frames());
    }

    @Test
    public void aBrokenTargetAborts() throws Exception {
        TunnelStream stream = open();
        target().isBroken = true;
        hub.session.readable(stream);
        assertEquals(Collections.singletonList("CLOSE 10007 01"), hub.frames());
        assertEquals(Collections.singletonList("aborted"), target().events);
    }

    @Test
    public void noAbortForWhatTheHubsEndHasEnded() throws Exception {
        TunnelStream stream = open();
        target().hasEnd = true;
        hub.session.readable(stream);
        assertEquals(Collections.singletonList("CLOSE 10007 00"), hub.frames());
        hub.session.abort(stream);
        hub.send(frame(Frame.CLOSE, ID, (byte) 0));
        assertEquals(Collections.emptyList(), hub.frames());
        assertEquals(0, hub.session.streamCount());
    }

    @Test
    public void anEarlierGenerationIsNoLateConnect() throws Exception {
        hub.send(connect(0x50007, "a", 1), frame(Frame.CLOSE, 0x50007, (byte) 1), connect(0x30007, "b", 2));
        assertEquals(Arrays.asList("connect a 1", "connect b 2"), hub.asked);
    }

    @Test
    public void aSlotUsedAgainAtOnceIsNotReadAheadOfItsAnswer() throws Exception {
        TunnelStream stream = open();
        target().readable = 10;
        hub.session.readable(stream);
        hub.acceptsAtOnce = false;
        hub.send(frame(Frame.CLOSE, ID, (byte) 1), connect(0x20007, "a", 1));
        target().isBroken = true;
        assertEquals(Collections.emptyList(), hub.frames());
        hub.session.accept(hub.streams.get(1));
        assertEquals(Collections.singletonList("CONNECT_OK 20007"), hub.frames());
    }

    // --- Windows ---

    @Test
    public void sendsNoMoreThanItsCredit() throws Exception {
        TunnelStream stream = open();
        target().readable = 1_000_000;
        hub.session.readable(stream);
        assertEquals(TestHub.WINDOW, dataBytes(hub.frames()));
        hub.send(frame(Frame.WINDOW, ID, u32(10)));
        assertEquals(10, dataBytes(hub.frames()));
        assertTrue(hub.session.waits(stream));
    }

    @Test
    public void grantsHalfAWindowOnceThatHasLeft() throws Exception {
        TunnelStream stream = open();
        target().takesMost = 0;
        for (int i = 0; i < 4; i++) hub.send(frame(Frame.DATA, ID, new byte[65_000]));
        assertEquals(Collections.emptyList(), hub.frames());
        hub.session.consumed(stream, 131_071);
        assertEquals(Collections.emptyList(), hub.frames());
        hub.session.consumed(stream, 1);
        assertEquals(Collections.singletonList("WINDOW 10007 00020000"), hub.frames());
    }

    @Test
    public void grantsNothingAfterTheHubsEnd() throws Exception {
        TunnelStream stream = open();
        target().takesMost = 0;
        for (int i = 0; i < 4; i++) hub.send(frame(Frame.DATA, ID, new byte[65_000]));
        hub.send(frame(Frame.CLOSE, ID, (byte) 0));
        hub.session.consumed(stream, 260_000);
        assertEquals(Collections.emptyList(), hub.frames());
    }

    @Test
    public void windowsGrowWithThePath() throws Exception {
        open();
        hub.session.ping(hub.nowMs);
        hub.frames();
        hub.nowMs += 50;
        hub.send(frame(Frame.PONG, 0, new byte[] {0, 0, 0, 0, 0, 0, 0, 1}));
        for (int i = 0; i < 3; i++) hub.send(frame(Frame.DATA, ID, new byte[65_000]));
        // 195,000 bytes and another window.
        assertEquals(Collections.singletonList("WINDOW 10007 " + String.format("%08x", 195_000 + TestHub.WINDOW)), hub.frames());
    }

    @Test
    public void streamsTakeTurns() throws Exception {
        for (int slot = 0; slot < 3; slot++) hub.send(connect(0x10000 | slot, "a", 1));
        hub.frames();
        for (int slot = 0; slot < 3; slot++) {
            hub.targets.get(slot).readable = 40_000;
            hub.session.readable(hub.streams.get(slot));
        }
        List<String> frames = hub.frames();
        assertEquals("DATA 10000 16384 bytes", frames.get(0));
        assertEquals("DATA 10001 16384 bytes", frames.get(1));
        assertEquals("DATA 10002 16384 bytes", frames.get(2));
        assertEquals(120_000, dataBytes(frames));
    }

    private static int dataBytes(List<String> frames) {
        int bytes = 0;
        for (String frame : frames) if (frame.startsWith("DATA")) bytes += Integer.parseInt(frame.split(" ")[2]);
        return bytes;
    }

    // --- Session frames ---

    @Test
    public void answersPings() throws Exception {
        hub.send(frame(Frame.PING, 0, new byte[] {1, 2, 3, 4, 5, 6, 7, 8}), frame(Frame.PING, 0, new byte[8]));
        assertEquals(Arrays.asList("PONG 0 0102030405060708", "PONG 0 0000000000000000"), hub.frames());
    }

    @Test
    public void keepsToThePace() throws Exception {
        TunnelStream stream = open();
        hub.send(frame(Frame.CONTROL, 0, "{\"pace\":{\"bytesPerSecond\":100000},\"later\":[1]}".getBytes("UTF-8")));
        target().readable = 200_000;
        hub.session.readable(stream);
        int first = dataBytes(hub.frames());
        assertTrue("a burst of " + first, first >= 16_384 && first <= 16_384 + 2_048);
        long dueInMs = hub.session.paceDueInMs(hub.nowMs);
        assertTrue(dueInMs > 0);
        hub.nowMs += 1_000;
        int second = dataBytes(hub.frames());
        assertTrue("a burst of " + second, second >= 16_384 && second <= 16_384 + 2_048);
        hub.send(frame(Frame.CONTROL, 0, "{\"pace\":{\"bytesPerSecond\":null}}".getBytes("UTF-8")));
        assertEquals(200_000, first + second + dataBytes(hub.frames()));
        assertEquals(-1, hub.session.paceDueInMs(hub.nowMs));
    }

    @Test
    public void passesOnRotate() throws Exception {
        hub.send(frame(Frame.CONTROL, 0, "{\"rotate\":{\"request\":7}}".getBytes("UTF-8")));
        assertEquals(Collections.singletonList("rotate 7"), hub.asked);
    }

    @Test
    public void leavesToTheOtherDeviceOfItsKey() throws Exception {
        hub.send(frame(Frame.CONTROL, 0, "{\"sharedKey\":{\"waitMs\":600000},\"rotate\":{\"request\":7}}".getBytes("UTF-8")),
                connect(ID, "a", 1));
        // The session is over: what follows in the record is not obeyed.
        assertEquals(Collections.singletonList("shared key 600000"), hub.asked);
    }

    // --- Datagrams ---

    @Test
    public void associationsCarryDatagrams() throws Exception {
        hub.send(frame(Frame.UDP_OPEN, ID));
        assertEquals(Collections.singletonList("CONNECT_OK 10007"), hub.frames());
        hub.send(frame(Frame.DATAGRAM, ID, new byte[] {1, 8, 8, 8, 8, 0, 53, 9}));
        assertEquals(Collections.singletonList("datagram of 1"), target().events);
        assertTrue(hub.session.sendDatagram(hub.streams.get(0), new byte[] {1, (byte) 192, 0, 2, 1, 0, 53, 'x'}));
        assertEquals(Collections.singletonList("DATAGRAM 10007 01c0000201003578"), hub.frames());
    }

    @Test
    public void whatFindsNoRoomIsDropped() throws Exception {
        hub.send(frame(Frame.UDP_OPEN, ID));
        int kept = 0;
        while (hub.session.sendDatagram(hub.streams.get(0), new byte[1_000])) kept++;
        assertEquals(64, kept);
    }

    // --- Time ---

    @Test
    public void pingsTheSilentAndGivesUpTheDead() throws Exception {
        hub.send(frame(Frame.PING, 0, new byte[8]));
        hub.frames();
        hub.nowMs += 29_999;
        assertNull(hub.session.tick(hub.nowMs));
        assertEquals(Collections.emptyList(), hub.frames());
        hub.nowMs += 1;
        assertNull(hub.session.tick(hub.nowMs));
        assertEquals(Collections.singletonList("PING 0 0000000000000001"), hub.frames());
        hub.nowMs += 9_999;
        assertNull(hub.session.tick(hub.nowMs));
        hub.nowMs += 1;
        assertNotNull(hub.session.tick(hub.nowMs));
    }

    @Test
    public void partOfARecordIsLifeForAWhile() throws Exception {
        hub.send(frame(Frame.PING, 0, new byte[8]));
        hub.frames();
        byte[] record = hub.sealed(frame(Frame.DATA, ID, new byte[60_000]));
        for (int i = 0; i < 6; i++) {
            hub.nowMs += 25_000;
            hub.session.receive(ByteBuffer.wrap(record), i, 1, hub.nowMs);
            // 120 s after the first byte, part of a record says nothing any more.
            if (i < 5) assertNull(hub.session.tick(hub.nowMs));
        }
        hub.nowMs += 5_000;
        hub.session.tick(hub.nowMs);
        hub.nowMs += 10_000;
        assertNotNull(hub.session.tick(hub.nowMs));
    }

    @Test
    public void withoutAFirstRecordNoByteCounts() throws Exception {
        hub.session.receive(ByteBuffer.wrap(hub.sealed(frame(Frame.PING, 0, new byte[8]))), 0, 10, hub.nowMs + 20_000);
        assertFalse(hub.session.isProven());
        assertNull(hub.session.tick(hub.nowMs + 29_999));
        assertNotNull(hub.session.tick(hub.nowMs + 30_000));
    }

    @Test
    public void theEndOfTheSessionResetsItsStreams() throws Exception {
        open();
        hub.session.release();
        hub.session.release();
        assertEquals(Collections.singletonList("aborted"), target().events);
    }

    // --- Cuts ---

    @Test
    public void howeverTheBytesAreCut() throws Exception {
        byte[] all = new byte[0];
        byte[] sent = new byte[200_000];
        new Random(1).nextBytes(sent);
        all = concat(all, hub.sealed(connect(ID, "a", 1)));
        for (int at = 0; at < sent.length; at += 40_000) {
            all = concat(all, hub.sealed(frame(Frame.DATA, ID, Arrays.copyOfRange(sent, at, at + 40_000)), frame(Frame.DATA, ID)));
        }
        Random random = new Random(2);
        for (int at = 0; at < all.length;) {
            int length = Math.min(all.length - at, random.nextInt(4) == 0 ? 1 + random.nextInt(3) : 1 + random.nextInt(60_000));
            hub.session.receive(ByteBuffer.wrap(all), at, length, hub.nowMs);
            at += length;
        }
        assertArrayEquals(sent, target().received.toByteArray());
    }

    private static byte[] concat(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }
}
