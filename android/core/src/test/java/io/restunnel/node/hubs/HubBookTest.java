package io.restunnel.node.hubs;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import io.restunnel.node.Log;
import io.restunnel.node.NodeStorage;
import io.restunnel.node.PairingLink;
import io.restunnel.node.UserException;
import io.restunnel.node.limits.Bounds;
import io.restunnel.node.noise.Timestamp;
import java.io.IOException;
import java.util.Base64;
import org.junit.Test;

public class HubBookTest {
    private static final String TOKEN = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";
    private final Storage storage = new Storage();

    private static final class Storage implements NodeStorage {
        String state;
        boolean isFull;

        @Override
        public byte[] loadPrivateKey() {
            return null;
        }

        @Override
        public void storePrivateKey(byte[] key) {
        }

        @Override
        public String loadState() {
            return state;
        }

        @Override
        public void storeState(String next) throws IOException {
            if (isFull) throw new IOException("no space left");
            state = next;
        }
    }

    private HubBook book() throws Exception {
        return new HubBook(storage, Log.NONE);
    }

    private static PairingLink link(int key, String host) throws Exception {
        byte[] bytes = new byte[32];
        bytes[0] = (byte) key;
        return PairingLink.parse("restunnel://" + host + ":9000/?k=" + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes) + "&t=" + TOKEN);
    }

    @Test
    public void remembersAcrossStarts() throws Exception {
        String key = book().pair(link(1, "a.example"), "phone").publicKey;
        book().enrolled(key, "0123456789abcdef");
        HubRecord hub = book().get(key);
        assertEquals("a.example", hub.host);
        assertEquals("0123456789abcdef", hub.nodeId);
        assertNull(hub.token);
        // The same hub elsewhere: it keeps its place and its id.
        HubRecord moved = book().pair(link(1, "b.example"), "phone");
        assertEquals("b.example", moved.host);
        assertEquals("0123456789abcdef", moved.nodeId);
        assertEquals(1, book().hubs().size());
        assertTrue(book().forget(key));
        assertFalse(book().forget(key));
        assertEquals(0, book().hubs().size());
    }

    @Test
    public void aTimestampIsStoredBeforeItIsKnown() throws Exception {
        String key = book().pair(link(1, "a"), "").publicKey;
        Timestamp first = book().nextTimestamp(key, 2_000);
        // After a restart with a clock that went back.
        Timestamp second = book().nextTimestamp(key, 1_000);
        assertTrue(second.compareTo(first) > 0);
        assertNull(book().nextTimestamp("unknown", 1_000));
    }

    @Test
    public void aFullDiskKeepsNoNodeFromItsHubs() throws Exception {
        HubBook book = book();
        String key = book.pair(link(1, "a"), "").publicKey;
        storage.isFull = true;
        Timestamp first = book.nextTimestamp(key, 2_000);
        assertTrue(book.nextTimestamp(key, 1_000).compareTo(first) > 0);
        // But a pairing that would be lost is refused.
        assertThrows(IOException.class, () -> book.pair(link(2, "b"), ""));
        assertEquals(1, book.hubs().size());
    }

    @Test
    public void theListIsBounded() throws Exception {
        HubBook book = book();
        for (int i = 0; i < Bounds.HUBS_MAX; i++) book.pair(link(i, "a"), "");
        assertThrows(UserException.class, () -> book.pair(link(Bounds.HUBS_MAX, "a"), ""));
    }

    @Test
    public void whatIsDamagedIsLeftAsItIs() throws Exception {
        book().pair(link(1, "a"), "");
        String good = storage.state;
        for (String bad : new String[] {"", "{}", "[]", "{\"version\":2,\"hubs\":[]}", "{\"version\":1,\"hubs\":[{}]}", good.replace("9000", "0"),
            good.replace("9000", "1.5"), good.replace("\"publicKey\":\"A", "\"publicKey\":\""), good.replace("\"host\":\"a\"", "\"host\":null")}) {
            storage.state = bad;
            assertThrows(bad, UserException.class, this::book);
            assertEquals(bad, storage.state);
        }
    }

    @Test
    public void pausesGrowAndStartOver() {
        Backoff backoff = new Backoff();
        long[] ceilings = {500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000};
        for (long ceiling : ceilings) assertEquals(ceiling / 2, backoff.failed(0, 0.5));
        backoff.connected(1_000);
        assertEquals("a session of less than a second changes nothing", 30_000, backoff.failed(1_999, 0.5));
        backoff.connected(10_000);
        assertEquals(250, backoff.failed(11_000, 0.5));
        backoff.failed(12_000, 0.5);
        backoff.forget();
        assertEquals(250, backoff.failed(13_000, 0.5));
    }
}
