package io.restunnel.node.noise;

import static io.restunnel.node.TestFiles.hex;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.Test;

public class RecordCipherTest {
    private static final byte[] GOAWAY = hex("050000000000000000");

    private static byte[] key() {
        byte[] key = new byte[32];
        for (int i = 0; i < 32; i++) key[i] = (byte) i;
        return key;
    }

    @Test
    public void theVectorsOfThePageAcrossARekey() {
        RecordCipher sender = new RecordCipher(key());
        RecordCipher receiver = new RecordCipher(key());
        byte[] sealed = new byte[GOAWAY.length + 16];
        byte[] opened = new byte[GOAWAY.length];
        for (int record = 0; record <= 65_536; record++) {
            seal(sender, sealed);
            if (record == 0) assertEquals("1db84231ade6a6d113c2dcd5b628220a811cbe71d7820a655c", hex(sealed));
            if (record == 65_535) assertEquals("1a721c15e67e56e4b013b746f1effc59cb1401340bb2882d80", hex(sealed));
            if (record == 65_536) assertEquals("67f32c5d635bf15907b575f93e6d8601e36abd2e4421e86d52", hex(sealed));
            assertTrue(receiver.open(ByteBuffer.wrap(sealed), ByteBuffer.wrap(opened)));
            assertEquals(hex(GOAWAY), hex(opened));
        }
    }

    @Test
    public void refusesForgedRecordsAndThoseOutOfOrder() {
        RecordCipher sender = new RecordCipher(key());
        byte[] first = new byte[25];
        byte[] second = new byte[25];
        seal(sender, first);
        seal(sender, second);
        byte[] forged = first.clone();
        forged[3] ^= 4;
        assertFalse("out of order", opens(new RecordCipher(key()), second));
        assertFalse("forged", opens(new RecordCipher(key()), forged));
        assertFalse("too short for a tag", opens(new RecordCipher(key()), new byte[15]));
        RecordCipher receiver = new RecordCipher(key());
        assertTrue(opens(receiver, first));
        assertFalse("twice", opens(receiver, first));
        assertFalse("nothing after a forged one", opens(receiver, second));
    }

    private static void seal(RecordCipher sender, byte[] sealed) {
        sender.seal(ByteBuffer.wrap(GOAWAY), ByteBuffer.wrap(sealed));
    }

    @Test
    public void betweenDirectBuffers() {
        byte[] bytes = new byte[65_519];
        new Random(3).nextBytes(bytes);
        ByteBuffer plain = ByteBuffer.allocateDirect(bytes.length);
        ByteBuffer sealed = ByteBuffer.allocateDirect(100 + bytes.length + 16);
        plain.put(bytes).flip();
        sealed.position(100);
        new RecordCipher(key()).seal(plain, sealed);
        assertEquals(sealed.capacity(), sealed.position());
        sealed.position(100);
        ByteBuffer opened = ByteBuffer.allocateDirect(65_535);
        assertTrue(new RecordCipher(key()).open(sealed, opened));
        assertEquals(bytes.length, opened.position());
        byte[] result = new byte[bytes.length];
        opened.flip();
        opened.get(result);
        assertArrayEquals(bytes, result);
        sealed.put(150, (byte) ~sealed.get(150));
        sealed.position(100);
        opened.clear();
        assertFalse(new RecordCipher(key()).open(sealed, opened));
    }

    private static boolean opens(RecordCipher receiver, byte[] sealed) {
        return receiver.open(ByteBuffer.wrap(sealed), ByteBuffer.allocate(32));
    }

    @Test
    public void countsIn64Bits() {
        RecordCipher sender = new RecordCipher(key(), (1L << 32) + 5);
        RecordCipher receiver = new RecordCipher(key(), 5);
        byte[] sealed = new byte[25];
        seal(sender, sealed);
        assertFalse(opens(receiver, sealed));
    }
}
