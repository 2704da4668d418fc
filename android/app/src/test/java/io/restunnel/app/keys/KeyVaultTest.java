package io.restunnel.app.keys;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.content.pm.PackageManager;
import android.security.keystore.KeyProperties;
import io.restunnel.app.TestApp;
import java.io.IOException;
import java.util.Arrays;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;

@RunWith(RobolectricTestRunner.class)
public final class KeyVaultTest {
    private static final byte[] SECRET = new byte[32];

    static {
        for (int at = 0; at < SECRET.length; at++) SECRET[at] = (byte) (at * 7 + 1);
    }

    private final TestApp app = TestApp.get();
    private final KeyVault vault = new KeyVault(app);

    @Test
    public void whatIsWrappedComesBack() throws IOException {
        byte[] wrapped = vault.wrap(SECRET);
        assertArrayEquals(SECRET, vault.unwrap(wrapped));
        assertEquals(-1, indexOf(wrapped, Arrays.copyOf(SECRET, 4)));
    }

    @Test
    public void theWrappingKeyIsAes256GcmAndUsableWithoutAnybody() throws IOException {
        vault.wrap(SECRET);
        assertEquals(256, app.keystore.ordered.getKeySize());
        assertArrayEquals(new String[] {KeyProperties.BLOCK_MODE_GCM}, app.keystore.ordered.getBlockModes());
        assertTrue(app.keystore.ordered.isRandomizedEncryptionRequired());
        assertFalse(app.keystore.ordered.isUserAuthenticationRequired());
        assertFalse(app.keystore.ordered.isUnlockedDeviceRequired());
        assertFalse(app.keystore.ordered.isStrongBoxBacked());
    }

    @Test
    public void aStrongBoxIsUsedWhereThereIsOne() throws IOException {
        shadowOf(app.getPackageManager()).setSystemFeature(PackageManager.FEATURE_STRONGBOX_KEYSTORE, true);
        vault.wrap(SECRET);
        assertTrue(app.keystore.ordered.isStrongBoxBacked());
    }

    @Test
    public void aFullStrongBoxIsDoneWithout() throws IOException {
        shadowOf(app.getPackageManager()).setSystemFeature(PackageManager.FEATURE_STRONGBOX_KEYSTORE, true);
        app.keystore.isStrongBoxFull = true;
        byte[] wrapped = vault.wrap(SECRET);
        assertFalse(app.keystore.ordered.isStrongBoxBacked());
        assertArrayEquals(SECRET, vault.unwrap(wrapped));
    }

    @Test
    public void aFailingKeystoreIsNoLostKey() throws IOException {
        byte[] wrapped = vault.wrap(SECRET);
        app.keystore.fails = true;
        assertThrows(KeystoreException.class, () -> vault.unwrap(wrapped));
        assertThrows(KeystoreException.class, () -> vault.wrap(SECRET));
        assertThrows(KeystoreException.class, vault::forget);
        app.keystore.fails = false;
        assertArrayEquals(SECRET, vault.unwrap(wrapped));
    }

    @Test
    public void aKeyThatIsGoneIsLost() throws IOException {
        byte[] wrapped = vault.wrap(SECRET);
        vault.forget();
        assertThrows(KeyLostException.class, () -> vault.unwrap(wrapped));
    }

    @Test
    public void everyBitOfAWrappedKeyCounts() throws IOException {
        byte[] wrapped = vault.wrap(SECRET);
        for (int at = 0; at < wrapped.length; at++) {
            byte[] damaged = wrapped.clone();
            damaged[at] ^= 4;
            assertThrows(IOException.class, () -> vault.unwrap(damaged));
            byte[] cut = Arrays.copyOf(wrapped, at);
            assertThrows(IOException.class, () -> vault.unwrap(cut));
        }
    }

    private static int indexOf(byte[] in, byte[] what) {
        for (int at = 0; at + what.length <= in.length; at++) {
            if (Arrays.equals(Arrays.copyOfRange(in, at, at + what.length), what)) return at;
        }
        return -1;
    }
}
