package io.restunnel.node.noise;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** ChaCha20-Poly1305 (RFC 8439) under one key, with Noise's nonce: four zero bytes and a counter of 64 bits, little-endian. */
public final class Aead {
    public static final int KEY_BYTES = 32;
    public static final int TAG_BYTES = 16;
    private static final int NONCE_BYTES = 12;
    private static final byte[] NO_DATA = new byte[0];
    /** Android 9 knows the second one alone; desktops the first. */
    private static final String[] NAMES = {"ChaCha20-Poly1305", "ChaCha20/Poly1305/NoPadding"};
    private static final String NAME = availableName();

    private final Cipher cipher;
    private final boolean isDirect;
    private final SecretKeySpec key;
    private final byte[] nonce = new byte[NONCE_BYTES];

    /** @param key 32 bytes, copied */
    public Aead(byte[] key) {
        this.key = new SecretKeySpec(key, "ChaCha20");
        try {
            this.cipher = Cipher.getInstance(NAME);
            this.isDirect = DirectBuffers.areRight(NAME, cipher.getProvider());
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String availableName() {
        for (String name : NAMES) {
            try {
                Cipher.getInstance(name);
                return name;
            } catch (GeneralSecurityException next) {
                // The other name.
            }
        }
        throw new IllegalStateException("this system has no ChaCha20-Poly1305");
    }

    /** Writes length + 16 bytes. The ranges may not overlap. */
    public void seal(long counter, byte[] data, byte[] from, int at, int length, byte[] to, int toAt) {
        try {
            begin(Cipher.ENCRYPT_MODE, counter, data);
            cipher.doFinal(from, at, length, to, toAt);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /**
     * Seals what remains of one buffer into the other, and moves both positions. Between direct buffers Conscrypt, which is a phone's cipher,
     * copies nothing; arrays it copies whole.
     */
    public void seal(long counter, ByteBuffer from, ByteBuffer to) {
        try {
            begin(Cipher.ENCRYPT_MODE, counter, NO_DATA);
            finish(from, to);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Writes length - 16 bytes. False: they are not what was sealed with this key, counter and associated data. */
    public boolean open(long counter, byte[] data, byte[] from, int at, int length, byte[] to, int toAt) {
        if (length < TAG_BYTES) return false;
        try {
            begin(Cipher.DECRYPT_MODE, counter, data);
            cipher.doFinal(from, at, length, to, toAt);
            return true;
        } catch (AEADBadTagException forged) {
            return false;
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** As seal(), back again. False: it was not sealed with this key and counter. */
    public boolean open(long counter, ByteBuffer from, ByteBuffer to) {
        if (from.remaining() < TAG_BYTES) return false;
        try {
            begin(Cipher.DECRYPT_MODE, counter, NO_DATA);
            finish(from, to);
            return true;
        } catch (AEADBadTagException forged) {
            return false;
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private void finish(ByteBuffer from, ByteBuffer to) throws GeneralSecurityException {
        if (isDirect) {
            cipher.doFinal(from, to);
        } else {
            byte[] bytes = new byte[from.remaining()];
            from.get(bytes);
            to.put(cipher.doFinal(bytes));
        }
    }

    private void begin(int mode, long counter, byte[] data) throws GeneralSecurityException {
        for (int i = 0; i < 8; i++) nonce[4 + i] = (byte) (counter >>> 8 * i);
        cipher.init(mode, key, new IvParameterSpec(nonce));
        if (data.length > 0) cipher.updateAAD(data);
    }

    /** Noise's REKEY (revision 34, section 4.2): the first 32 bytes of sealing 32 zeros with the last nonce. */
    public Aead rekeyed() {
        byte[] sealed = new byte[KEY_BYTES + TAG_BYTES];
        seal(-1, NO_DATA, new byte[KEY_BYTES], 0, KEY_BYTES, sealed, 0);
        Aead next = new Aead(Arrays.copyOf(sealed, KEY_BYTES));
        Arrays.fill(sealed, (byte) 0);
        return next;
    }
}
