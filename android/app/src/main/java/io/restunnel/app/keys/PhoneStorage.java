package io.restunnel.app.keys;

import io.restunnel.node.NodeStorage;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;

/**
 * The node's key, wrapped by the {@link KeyVault}, and its list of hubs, in a folder that no backup takes. Both are replaced as a whole:
 * written beside, forced to the medium, renamed.
 */
public final class PhoneStorage implements NodeStorage {
    private final KeyVault vault;
    private final File key;
    private final File state;

    /** @param folder Context.getNoBackupFilesDir() */
    public PhoneStorage(File folder, KeyVault vault) {
        this.vault = vault;
        key = new File(folder, "node.key");
        state = new File(folder, "node.json");
    }

    @Override
    public byte[] loadPrivateKey() throws IOException {
        return key.exists() ? vault.unwrap(Files.readAllBytes(key.toPath())) : null;
    }

    @Override
    public void storePrivateKey(byte[] secret) throws IOException {
        replace(key, vault.wrap(secret));
    }

    @Override
    public String loadState() throws IOException {
        return state.exists() ? new String(Files.readAllBytes(state.toPath()), StandardCharsets.UTF_8) : null;
    }

    @Override
    public void storeState(String text) throws IOException {
        replace(state, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Deletes key and hubs, so that the next start makes a new device of this phone. */
    public void startOver() throws IOException {
        Files.deleteIfExists(state.toPath());
        Files.deleteIfExists(key.toPath());
        vault.forget();
    }

    private static void replace(File file, byte[] content) throws IOException {
        File next = new File(file.getPath() + ".new");
        try (FileOutputStream out = new FileOutputStream(next)) {
            out.write(content);
            out.getFD().sync();
        }
        Files.move(next.toPath(), file.toPath(), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }
}
