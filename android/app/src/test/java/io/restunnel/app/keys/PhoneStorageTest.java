package io.restunnel.app.keys;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;

import io.restunnel.app.TestApp;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;

@RunWith(RobolectricTestRunner.class)
public final class PhoneStorageTest {
    private static final byte[] SECRET = "thirty-two bytes of a secret key".getBytes(StandardCharsets.US_ASCII);

    private final TestApp app = TestApp.get();
    private final File folder = app.getNoBackupFilesDir();
    private final PhoneStorage storage = new PhoneStorage(folder, new KeyVault(app));

    @Test
    public void keyAndHubsComeBack() throws IOException {
        assertNull(storage.loadPrivateKey());
        assertNull(storage.loadState());
        storage.storePrivateKey(SECRET);
        storage.storeState("{\"ä\": 1}");
        storage.storeState("{\"ä\": 2}");
        PhoneStorage later = new PhoneStorage(folder, new KeyVault(app));
        assertArrayEquals(SECRET, later.loadPrivateKey());
        assertEquals("{\"ä\": 2}", later.loadState());
    }

    @Test
    public void noFileHoldsTheKeyItself() throws IOException {
        storage.storePrivateKey(SECRET);
        int files = 0;
        for (File file : folder.listFiles()) {
            files++;
            String content = new String(Files.readAllBytes(file.toPath()), StandardCharsets.ISO_8859_1);
            assertEquals(-1, content.indexOf("thirty-two"));
        }
        assertEquals(1, files);
    }

    @Test
    public void withoutAKeystoreNothingIsWritten() {
        app.keystore.fails = true;
        assertThrows(KeystoreException.class, () -> storage.storePrivateKey(SECRET));
        assertEquals(0, folder.listFiles().length);
    }

    @Test
    public void startingOverLeavesNothing() throws IOException {
        storage.storePrivateKey(SECRET);
        storage.storeState("{}");
        storage.startOver();
        assertEquals(0, folder.listFiles().length);
        assertEquals(0, app.keystore.keys.size());
        assertNull(storage.loadPrivateKey());
    }
}
