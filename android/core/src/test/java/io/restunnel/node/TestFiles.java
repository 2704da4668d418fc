package io.restunnel.node;

import io.restunnel.node.text.Json;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Map;

/** The files of vectors that the TypeScript tests read as well: test/ of the repository. */
public final class TestFiles {
    private TestFiles() {
    }

    /** @param path below test/ */
    @SuppressWarnings("unchecked")
    public static Map<String, Object> json(String path) throws Exception {
        Path file = Paths.get("../../test", path);
        return (Map<String, Object>) Json.parse(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
    }

    public static byte[] hex(Object text) {
        String digits = (String) text;
        byte[] bytes = new byte[digits.length() / 2];
        for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
        return bytes;
    }

    public static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) text.append(String.format("%02x", b & 0xff));
        return text.toString();
    }
}
