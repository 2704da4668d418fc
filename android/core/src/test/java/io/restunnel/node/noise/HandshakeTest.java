package io.restunnel.node.noise;

import static io.restunnel.node.TestFiles.hex;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;

import io.restunnel.node.TestFiles;
import java.security.SecureRandom;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.Test;

public class HandshakeTest {
    private static final SecureRandom RANDOM = new SecureRandom();

    @Test
    public void theOfficialVector() throws Exception {
        Map<String, Object> vector = TestFiles.json("noise/noise-ik-25519-chachapoly-blake2b.json");
        List<?> messages = (List<?>) vector.get("messages");
        KeyPair hub = new KeyPair(hex(vector.get("resp_static")));
        assertEquals(vector.get("init_remote_static"), hex(hub.publicKey()));

        Initiator initiator = new Initiator(hex(vector.get("init_prologue")), new KeyPair(hex(vector.get("init_ephemeral"))),
                new KeyPair(hex(vector.get("init_static"))), hub.publicKey(), payload(messages, 0));
        byte[] message1 = withoutMac1(initiator.message1());
        assertEquals(ciphertext(messages, 0), hex(message1));

        Responder responder = new Responder(hex(vector.get("resp_prologue")), new KeyPair(hex(vector.get("resp_ephemeral"))), hub, message1);
        assertArrayEquals(payload(messages, 0), responder.payload);
        byte[] message2 = responder.message2(payload(messages, 1));
        assertEquals(ciphertext(messages, 1), hex(message2));

        Initiator.Result result = initiator.finish(message2);
        assertArrayEquals(payload(messages, 1), result.payload);
        assertEquals(vector.get("handshake_hash"), hex(initiator.handshakeHash()));

        RecordCipher send = new RecordCipher(result.sendKey);
        RecordCipher receive = new RecordCipher(result.receiveKey);
        for (int i = 2; i < messages.size(); i++) {
            byte[] plain = payload(messages, i);
            byte[] sealed = new byte[plain.length + Aead.TAG_BYTES];
            if (i % 2 == 0) {
                send.seal(ByteBuffer.wrap(plain), ByteBuffer.wrap(sealed));
                assertEquals(ciphertext(messages, i), hex(sealed));
            } else {
                byte[] opened = new byte[plain.length];
                assertEquals(true, receive.open(ByteBuffer.wrap(hex(ciphertext(messages, i))), ByteBuffer.wrap(opened)));
                assertArrayEquals(plain, opened);
            }
        }
    }

    @Test
    public void theKeyOfMac1() {
        byte[] hub = new byte[32];
        Arrays.fill(hub, (byte) 1);
        assertEquals("4ba0f7a830565105e2b292876ab79f7c6670ecd4fba4fdc8813bdf1f7a2d032d", hex(Mac1.key(hub)));
    }

    @Test
    public void refusesWhatIsNotTheHubsAnswer() throws Exception {
        KeyPair hub = KeyPair.random(RANDOM);
        KeyPair stranger = KeyPair.random(RANDOM);
        Initiator initiator = new Initiator(KeyPair.random(RANDOM), hub.publicKey(), new byte[20], RANDOM);
        byte[] message1 = withoutMac1(initiator.message1());
        assertThrows(HandshakeException.class, () -> new Responder(Initiator.PROLOGUE, KeyPair.random(RANDOM), stranger, message1));
        Responder responder = new Responder(Initiator.PROLOGUE, KeyPair.random(RANDOM), hub, message1);
        byte[] message2 = responder.message2(new byte[30]);
        message2[40] ^= 1;
        assertThrows(HandshakeException.class, () -> initiator.finish(message2));
        assertThrows(HandshakeException.class, () -> initiator.finish(new byte[47]));
        assertThrows(HandshakeException.class, () -> initiator.finish(new byte[2_049]));
    }

    @Test
    public void refusesAHubKeyOfLowOrder() {
        assertThrows(HandshakeException.class, () -> new Initiator(KeyPair.random(RANDOM), new byte[32], new byte[0], RANDOM));
    }

    @Test
    public void timestampsOnlyGrow() {
        Timestamp first = Timestamp.after(1_700_000_000_123L, null);
        assertEquals("000000006553f1000754d4c0", hex(first.toBytes()));
        assertEquals("000000006553f1000754d4c1", hex(Timestamp.after(1_700_000_000_123L, first).toBytes()));
        assertEquals("000000006553f1000754d4c1", hex(Timestamp.after(1_000_000_000_000L, first).toBytes()));
        Timestamp last = Timestamp.ofBytes(hex("000000006553f1003b9ac9ff"));
        assertEquals("000000006553f10100000000", hex(Timestamp.after(0, last).toBytes()));
        assertNull(Timestamp.ofBytes(hex("000000006553f1003b9aca00")));
        assertNull(Timestamp.ofBytes(new byte[11]));
    }

    @Test
    public void namesAreCutBetweenCharacters() {
        assertEquals("phone", Message1.fitName("phone"));
        StringBuilder long63 = new StringBuilder();
        for (int i = 0; i < 63; i++) long63.append('a');
        assertEquals(long63.toString(), Message1.fitName(long63 + "é"));
        assertEquals(long63 + "b", Message1.fitName(long63 + "bc"));
    }

    private static byte[] payload(List<?> messages, int index) {
        return hex(((Map<?, ?>) messages.get(index)).get("payload"));
    }

    private static String ciphertext(List<?> messages, int index) {
        return (String) ((Map<?, ?>) messages.get(index)).get("ciphertext");
    }

    private static byte[] withoutMac1(byte[] message) {
        return Arrays.copyOf(message, message.length - Mac1.BYTES);
    }
}
