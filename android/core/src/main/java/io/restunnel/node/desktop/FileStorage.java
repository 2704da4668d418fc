package io.restunnel.node.desktop;

import io.restunnel.node.NodeStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;

/** Key and hubs in two files that only the owner reads, with the names and the content of the TypeScript node's. */
final class FileStorage implements NodeStorage {
    private static final Set<PosixFilePermission> PRIVATE_FILE = EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);
    private static final Set<PosixFilePermission> PRIVATE_FOLDER = PosixFilePermissions.fromString("rwx------");

    private final Path keyFile;
    private final Path stateFile;

    FileStorage(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(PRIVATE_FOLDER));
        keyFile = folder.resolve("node_key.bin");
        stateFile = folder.resolve("node.json");
    }

    @Override
    public byte[] loadPrivateKey() throws IOException {
        return Files.exists(keyFile) ? Files.readAllBytes(keyFile) : null;
    }

    @Override
    public void storePrivateKey(byte[] key) throws IOException {
        write(keyFile, key);
    }

    @Override
    public String loadState() throws IOException {
        return Files.exists(stateFile) ? new String(Files.readAllBytes(stateFile), StandardCharsets.UTF_8) : null;
    }

    @Override
    public void storeState(String state) throws IOException {
        write(stateFile, state.getBytes(StandardCharsets.UTF_8));
    }

    private static void write(Path file, byte[] content) throws IOException {
        Path next = file.resolveSibling(file.getFileName() + ".tmp");
        Files.deleteIfExists(next);
        Files.createFile(next, PosixFilePermissions.asFileAttribute(PRIVATE_FILE));
        try (FileChannel channel = FileChannel.open(next, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(content);
            while (bytes.hasRemaining()) channel.write(bytes);
            channel.force(true);
        }
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        try (FileChannel folder = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
            folder.force(true);
        }
    }
}
