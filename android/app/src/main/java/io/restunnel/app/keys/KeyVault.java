package io.restunnel.app.keys;

import android.content.Context;
import android.content.pm.PackageManager;
import android.security.keystore.KeyGenParameterSpec;
import android.security.keystore.KeyPermanentlyInvalidatedException;
import android.security.keystore.KeyProperties;
import android.security.keystore.StrongBoxUnavailableException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.ProviderException;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;

/**
 * Wraps the node's private key with an AES-256-GCM key that never leaves the Android Keystore, so that a copy of the app's files is worth
 * nothing elsewhere. X25519 itself would do in the Keystore of few phones, and of none before Android 13. There is no way around the
 * Keystore: where it fails, the caller hears it.
 *
 * A wrapped key: format u8 | length of the IV u8 | IV | ciphertext and tag.
 */
public final class KeyVault {
    private static final String PROVIDER = "AndroidKeyStore";
    private static final String ALIAS = "restunnel node key";
    private static final byte[] PURPOSE = "restunnel node key 1".getBytes(StandardCharsets.US_ASCII);
    private static final String CIPHER = "AES/GCM/NoPadding";
    private static final byte FORMAT = 1;
    private static final int TAG_BITS = 128;

    private final Context context;

    public KeyVault(Context context) {
        this.context = context;
    }

    /** Makes a new wrapping key, which replaces one that was there. */
    public byte[] wrap(byte[] secret) throws IOException {
        try {
            Cipher cipher = Cipher.getInstance(CIPHER);
            // The Keystore chooses the IV, and takes none from us.
            cipher.init(Cipher.ENCRYPT_MODE, makeKey());
            cipher.updateAAD(PURPOSE);
            byte[] sealed = cipher.doFinal(secret);
            byte[] iv = cipher.getIV();
            return ByteBuffer.allocate(2 + iv.length + sealed.length).put(FORMAT).put((byte) iv.length).put(iv).put(sealed).array();
        } catch (GeneralSecurityException | ProviderException failure) {
            throw new KeystoreException(failure);
        }
    }

    /**
     * @throws KeyLostException  if it can't ever be unwrapped again
     * @throws KeystoreException if the Keystore fails now
     */
    public byte[] unwrap(byte[] wrapped) throws IOException {
        if (wrapped.length < 2 || wrapped[0] != FORMAT || wrapped[1] < 1 || wrapped.length < 2 + wrapped[1]) {
            throw new KeyLostException("the key's file is damaged", null);
        }
        int sealedAt = 2 + wrapped[1];
        byte[] iv = Arrays.copyOfRange(wrapped, 2, sealedAt);
        try {
            KeyStore store = KeyStore.getInstance(PROVIDER);
            store.load(null);
            SecretKey key = (SecretKey) store.getKey(ALIAS, null);
            if (key == null) throw new KeyLostException("the Keystore no longer has the key", null);
            Cipher cipher = Cipher.getInstance(CIPHER);
            cipher.init(Cipher.DECRYPT_MODE, key, new GCMParameterSpec(TAG_BITS, iv));
            cipher.updateAAD(PURPOSE);
            return cipher.doFinal(wrapped, sealedAt, wrapped.length - sealedAt);
        } catch (KeyPermanentlyInvalidatedException | AEADBadTagException failure) {
            throw new KeyLostException("the Keystore's key does not fit", failure);
        } catch (GeneralSecurityException | ProviderException failure) {
            throw new KeystoreException(failure);
        }
    }

    /** Deletes the wrapping key: nothing that it wrapped can be read again. */
    public void forget() throws IOException {
        try {
            KeyStore store = KeyStore.getInstance(PROVIDER);
            store.load(null);
            store.deleteEntry(ALIAS);
        } catch (GeneralSecurityException | ProviderException failure) {
            throw new KeystoreException(failure);
        }
    }

    private SecretKey makeKey() throws GeneralSecurityException {
        if (context.getPackageManager().hasSystemFeature(PackageManager.FEATURE_STRONGBOX_KEYSTORE)) {
            try {
                return makeKey(true);
            } catch (StrongBoxUnavailableException full) {
                // It holds few keys; the main processor's Keystore is the next best.
            }
        }
        return makeKey(false);
    }

    /** Usable while the screen is locked, without anybody's finger: the phone serves at night too. */
    private SecretKey makeKey(boolean inStrongBox) throws GeneralSecurityException {
        KeyGenerator generator = KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, PROVIDER);
        generator.init(new KeyGenParameterSpec.Builder(ALIAS, KeyProperties.PURPOSE_ENCRYPT | KeyProperties.PURPOSE_DECRYPT)
                .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                .setKeySize(256)
                .setIsStrongBoxBacked(inStrongBox)
                .build());
        return generator.generateKey();
    }
}
