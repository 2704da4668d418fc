package io.restunnel.node.session;

import static io.restunnel.node.session.TestHub.connect;
import static io.restunnel.node.session.TestHub.frame;
import static io.restunnel.node.session.TestHub.u32;
import static org.junit.Assert.assertThrows;

import io.restunnel.node.noise.Capabilities;
import io.restunnel.node.wire.Frame;
import io.restunnel.node.wire.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.Test;

/** Every error of the page's that a hub can make: the session ends. */
public class ErrorsTest {
    private static final int ID = 0x10000;
    private static final byte[] OPEN = connect(ID, "a", 1);
    private static final byte[] UDP = frame(Frame.UDP_OPEN, ID);
    private static final byte[] END = frame(Frame.CLOSE, ID, (byte) 0);

    private static void refuses(String what, byte[]... frames) {
        refuses(new TestHub(), what, frames);
    }

    /** The last frame is the wrong one. */
    private static void refuses(TestHub hub, String what, byte[]... frames) {
        for (int i = 0; i < frames.length - 1; i++) {
            try {
                hub.send(frames[i]);
                hub.take();
            } catch (ProtocolException early) {
                throw new AssertionError(what + ": an earlier frame was refused", early);
            }
        }
        assertThrows(what, ProtocolException.class, () -> hub.send(frames[frames.length - 1]));
    }

    @Test
    public void framesThatDoNotFitTheirRecord() {
        refuses("a header cut short", Arrays.copyOf(OPEN, 8));
        byte[] tooLong = OPEN.clone();
        tooLong[8]++;
        refuses("longer than its record", tooLong);
        byte[] huge = OPEN.clone();
        huge[5] = (byte) 0xff;
        refuses("a length of more than 2^31", huge);
    }

    @Test
    public void records() throws Exception {
        TestHub hub = new TestHub();
        assertThrows(ProtocolException.class, () -> hub.deliver(new byte[] {0, 15}));
        byte[] forged = hub.sealed(OPEN);
        forged[10] ^= 1;
        assertThrows(ProtocolException.class, () -> hub.deliver(forged));
    }

    @Test
    public void typesThatAreUnknownOrOfANode() {
        for (int type : new int[] {0, 1, 2, 0x06, 0x0f, 0x14, 0x24, 0x32, 0xff}) refuses("type " + type, frame(type, 0));
        refuses("CONNECT_OK", OPEN, frame(Frame.CONNECT_OK, ID));
        refuses("CONNECT_FAIL", OPEN, frame(Frame.CONNECT_FAIL, ID, (byte) 1));
        refuses("STATUS", frame(Frame.STATUS, 0, (byte) '{', (byte) '}'));
    }

    @Test
    public void typesThatWereNotAgreedOn() {
        refuses(new TestHub(0), "GOAWAY", frame(Frame.GOAWAY, 0));
        refuses(new TestHub(0), "UDP_OPEN", UDP);
        refuses(new TestHub(0), "DATAGRAM", frame(Frame.DATAGRAM, ID, new byte[] {1, 8, 8, 8, 8, 0, 53}));
        refuses(new TestHub(Capabilities.GOAWAY), "CONTROL", frame(Frame.CONTROL, 0, (byte) '{', (byte) '}'));
    }

    @Test
    public void lengths() {
        refuses("PING", frame(Frame.PING, 0, new byte[7]));
        refuses("PONG", frame(Frame.PONG, 0, new byte[9]));
        refuses("GOAWAY", frame(Frame.GOAWAY, 0, (byte) 0));
        refuses("UDP_OPEN", frame(Frame.UDP_OPEN, ID, (byte) 0));
        refuses("WINDOW", OPEN, frame(Frame.WINDOW, ID, new byte[3]));
        refuses("CLOSE", OPEN, frame(Frame.CLOSE, ID));
        refuses("a late CLOSE", OPEN, frame(Frame.CLOSE, ID, (byte) 1), frame(Frame.CLOSE, ID, new byte[2]));
        refuses("CONTROL", frame(Frame.CONTROL, 0, new byte[1_025]));
        refuses("CONNECT without a host", frame(Frame.CONNECT, ID, new byte[] {0, 1}));
        refuses("CONNECT without a port", frame(Frame.CONNECT, ID, (byte) 1));
        refuses("a host of 256 bytes", connect(ID, new String(new char[256]).replace('\0', 'a'), 1));
    }

    @Test
    public void ids() {
        for (int type : new int[] {Frame.PING, Frame.PONG, Frame.GOAWAY, Frame.CONTROL}) refuses("on a stream: " + type, frame(type, ID, new byte[8]));
        for (int type : new int[] {Frame.DATA, Frame.WINDOW, Frame.CLOSE}) {
            byte[] payload = new byte[type == Frame.WINDOW ? 4 : 1];
            refuses("id 0: " + type, frame(type, 0, payload));
            refuses("never opened: " + type, frame(type, ID, payload));
            refuses("a later generation: " + type, OPEN, frame(type, 0x20000, payload));
            refuses("another slot: " + type, OPEN, frame(type, 0x10001, payload));
        }
        refuses("generation 0", connect(5, "a", 1));
        refuses("in use", OPEN, OPEN);
        refuses("a slot in use", OPEN, connect(0x20000, "a", 1));
        refuses("the last id of its slot", OPEN, frame(Frame.CLOSE, ID, (byte) 1), OPEN);
    }

    @Test
    public void targets() {
        refuses("port 0", connect(ID, "a", 0));
        refuses("a space", connect(ID, "a b", 1));
        refuses("a control character", connect(ID, "a\u0007", 1));
        refuses("DEL", connect(ID, "a\u007f", 1));
        refuses("not ASCII", connect(ID, "\u00e4", 1));
    }

    @Test
    public void bytes() {
        byte[] most = frame(Frame.DATA, ID, new byte[65_000]);
        TestHub hub = new TestHub();
        hub.takesMost = 0;
        refuses(hub, "past the window", OPEN, most, most, most, most, frame(Frame.DATA, ID, new byte[2_145]));
        refuses("after the end", OPEN, END, frame(Frame.DATA, ID, (byte) 1));
        refuses("a second end", OPEN, END, END);
        refuses("an unknown reason", OPEN, frame(Frame.CLOSE, ID, (byte) 2));
        refuses("a credit of 0", OPEN, frame(Frame.WINDOW, ID, u32(0)));
        refuses("past the largest window", OPEN, frame(Frame.WINDOW, ID, u32(16_777_217 - TestHub.WINDOW)));
        refuses("a credit of 2^32 - 1", OPEN, frame(Frame.WINDOW, ID, u32(-1)));
    }

    @Test
    public void associations() {
        byte[] datagram = {1, 8, 8, 8, 8, 0, 53};
        refuses("on a stream of bytes", OPEN, frame(Frame.DATAGRAM, ID, datagram));
        TestHub hub = new TestHub();
        hub.acceptsAtOnce = false;
        refuses(hub, "ahead of the answer", UDP, frame(Frame.DATAGRAM, ID, datagram));
        refuses("DATA", UDP, frame(Frame.DATA, ID, (byte) 1));
        refuses("WINDOW", UDP, frame(Frame.WINDOW, ID, u32(1)));
        refuses("an end", UDP, END);
        byte[][] malformed = {{}, {1}, {1, 8, 8, 8, 8, 0}, {1, 8, 8, 8, 8, 0, 0}, {2, 8, 8, 8, 8, 0, 53}, {3, 0, 0, 53}, {3, 1, ' ', 0, 53},
                {3, 2, 'a', 0, 53}, {4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 53}};
        for (byte[] payload : malformed) refuses(Arrays.toString(payload), UDP, frame(Frame.DATAGRAM, ID, payload));
    }

    @Test
    public void orders() {
        String[] malformed = {"", "1", "[]", "null", "{", "{\"pace\":null}", "{\"pace\":{}}", "{\"pace\":{\"bytesPerSecond\":0}}",
                "{\"pace\":{\"bytesPerSecond\":1.5}}", "{\"pace\":{\"bytesPerSecond\":\"1\"}}", "{\"pace\":{\"bytesPerSecond\":9007199254740992}}",
                "{\"rotate\":{\"request\":-1}}", "{\"rotate\":{}}", "{\"rotate\":[]}", "{\"sharedKey\":{\"waitMs\":-1}}", "{\"sharedKey\":{}}",
                "{\"sharedKey\":1}", "{} x", "{\"a\":01}", "{'a':1}"};
        for (String json : malformed) refuses(json, frame(Frame.CONTROL, 0, json.getBytes(StandardCharsets.UTF_8)));
        refuses("not UTF-8", frame(Frame.CONTROL, 0, new byte[] {'{', '"', (byte) 0xff, '"', ':', '1', '}'}));
    }

    @Test
    public void rates() {
        byte[] ping = frame(Frame.PING, 0, new byte[8]);
        byte[][] pings = new byte[65][];
        Arrays.fill(pings, ping);
        refuses("PINGs", pings);
        byte[][] controls = new byte[33][];
        Arrays.fill(controls, frame(Frame.CONTROL, 0, (byte) '{', (byte) '}'));
        refuses("CONTROL", controls);
        byte[][] empties = new byte[1_025][];
        Arrays.fill(empties, new byte[0]);
        refuses("empty records", empties);
        byte[][] pongs = new byte[1_025][];
        Arrays.fill(pongs, frame(Frame.PONG, 0, new byte[8]));
        refuses("PONGs that nobody asked for", pongs);
        TestHub unread = new TestHub();
        assertThrows(ProtocolException.class, () -> {
            for (int i = 0; i < 17; i++) unread.send(ping);
        });
    }
}
