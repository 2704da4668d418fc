package io.restunnel.node.noise;

import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.Provider;
import java.security.SecureRandom;
import java.security.Security;
import java.security.spec.AlgorithmParameterSpec;
import javax.crypto.BadPaddingException;
import javax.crypto.Cipher;
import javax.crypto.CipherSpi;
import javax.crypto.IllegalBlockSizeException;
import javax.crypto.ShortBufferException;
import org.junit.AfterClass;
import org.junit.BeforeClass;
import org.junit.Test;

/** The same with a cipher that gathers its input in an array and knows nothing of buffers, as Conscrypt's was in the days of Android 9. */
public class OldPhonesCipherTest extends RecordCipherTest {
    private static final String NAME = "ChaCha20-Poly1305";
    private static final int PART_BYTES = 4_096;

    public static final class Spi extends CipherSpi {
        private final ByteArrayOutputStream input = new ByteArrayOutputStream();
        private final Cipher cipher;

        public Spi() throws GeneralSecurityException {
            cipher = Cipher.getInstance(NAME, "SunJCE");
        }

        @Override
        protected void engineInit(int mode, Key key, AlgorithmParameterSpec nonce, SecureRandom random) {
            input.reset();
            try {
                cipher.init(mode, key, nonce);
            } catch (GeneralSecurityException wrong) {
                throw new IllegalStateException(wrong);
            }
        }

        @Override
        protected byte[] engineUpdate(byte[] from, int at, int length) {
            input.write(from, at, length);
            return null;
        }

        @Override
        protected int engineUpdate(byte[] from, int at, int length, byte[] to, int toAt) {
            input.write(from, at, length);
            return 0;
        }

        @Override
        protected byte[] engineDoFinal(byte[] from, int at, int length) throws IllegalBlockSizeException, BadPaddingException {
            input.write(from, at, length);
            return cipher.doFinal(input.toByteArray());
        }

        @Override
        protected int engineDoFinal(byte[] from, int at, int length, byte[] to, int toAt)
                throws ShortBufferException, IllegalBlockSizeException, BadPaddingException {
            // It has the input whether or not the output has room.
            input.write(from, at, length);
            return cipher.doFinal(input.toByteArray(), 0, input.size(), to, toAt);
        }

        /** What javax.crypto did in Java 8, which Android 9 has, for a provider without a method of its own. */
        @Override
        protected int engineDoFinal(ByteBuffer from, ByteBuffer to) throws ShortBufferException, IllegalBlockSizeException, BadPaddingException {
            byte[] part = new byte[PART_BYTES];
            while (from.remaining() > PART_BYTES) {
                from.get(part);
                engineUpdate(part, 0, PART_BYTES);
            }
            int rest = from.remaining();
            from.get(part, 0, rest);
            byte[] result = new byte[PART_BYTES];
            int length;
            try {
                length = engineDoFinal(part, 0, rest, result, 0);
            } catch (ShortBufferException tooShort) {
                result = new byte[engineGetOutputSize(rest)];
                length = engineDoFinal(part, 0, rest, result, 0);
            }
            to.put(result, 0, length);
            return length;
        }

        @Override
        protected int engineGetOutputSize(int length) {
            return cipher.getOutputSize(input.size() + length);
        }

        @Override
        protected void engineUpdateAAD(byte[] from, int at, int length) {
            cipher.updateAAD(from, at, length);
        }

        @Override
        protected void engineSetMode(String mode) {
        }

        @Override
        protected void engineSetPadding(String padding) {
        }

        @Override
        protected int engineGetBlockSize() {
            return 0;
        }

        @Override
        protected byte[] engineGetIV() {
            return cipher.getIV();
        }

        @Override
        protected AlgorithmParameters engineGetParameters() {
            return null;
        }

        @Override
        protected void engineInit(int mode, Key key, SecureRandom random) {
            throw new UnsupportedOperationException();
        }

        @Override
        protected void engineInit(int mode, Key key, AlgorithmParameters nonce, SecureRandom random) {
            throw new UnsupportedOperationException();
        }
    }

    private static final class OldProvider extends Provider {
        private static final long serialVersionUID = 1L;

        OldProvider() {
            super("old phone", "1", "");
            put("Cipher." + NAME, Spi.class.getName());
        }
    }

    @BeforeClass
    public static void usePhones() {
        Security.insertProviderAt(new OldProvider(), 1);
    }

    @AfterClass
    public static void useTheJdks() {
        Security.removeProvider("old phone");
    }

    @Test
    public void itIsNotTrustedWithDirectBuffers() {
        assertFalse(DirectBuffers.areRight(NAME, Security.getProvider("old phone")));
        assertTrue(DirectBuffers.areRight(NAME, Security.getProvider("SunJCE")));
    }
}
