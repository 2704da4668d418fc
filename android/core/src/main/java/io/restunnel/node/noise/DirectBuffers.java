package io.restunnel.node.noise;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.Provider;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Whether a cipher is right between direct buffers, found out once for each provider. Where a provider leaves them to javax.crypto, as
 * Conscrypt did at first, those are cut into small arrays, and what is asked again after a short output has taken its input twice.
 */
final class DirectBuffers {
    private static final int PLAIN_BYTES = 65_000;
    private static final Map<Provider, Boolean> RIGHT = new ConcurrentHashMap<>();

    private DirectBuffers() {
    }

    static boolean areRight(String cipherName, Provider provider) {
        return RIGHT.computeIfAbsent(provider, asked -> {
            try {
                return sealsAndOpens(cipherName, asked);
            } catch (GeneralSecurityException | RuntimeException wrong) {
                return false;
            }
        });
    }

    private static boolean sealsAndOpens(String cipherName, Provider provider) throws GeneralSecurityException {
        byte[] plain = new byte[PLAIN_BYTES];
        for (int i = 0; i < plain.length; i++) plain[i] = (byte) (i * 7);
        byte[] expected = begin(cipherName, provider, Cipher.ENCRYPT_MODE).doFinal(plain);
        ByteBuffer sealed = ByteBuffer.allocateDirect(expected.length);
        begin(cipherName, provider, Cipher.ENCRYPT_MODE).doFinal(direct(plain), sealed);
        ByteBuffer opened = ByteBuffer.allocateDirect(expected.length);
        begin(cipherName, provider, Cipher.DECRYPT_MODE).doFinal(direct(expected), opened);
        return Arrays.equals(written(sealed), expected) && Arrays.equals(written(opened), plain);
    }

    private static Cipher begin(String cipherName, Provider provider, int mode) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance(cipherName, provider);
        cipher.init(mode, new SecretKeySpec(new byte[32], "ChaCha20"), new IvParameterSpec(new byte[12]));
        return cipher;
    }

    private static ByteBuffer direct(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes.length);
        buffer.put(bytes);
        buffer.flip();
        return buffer;
    }

    private static byte[] written(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.position()];
        buffer.flip();
        buffer.get(bytes);
        return bytes;
    }
}
