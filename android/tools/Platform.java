import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * java Platform.java ANDROID_ALL OUT: one library for R8. Robolectric's android-all has android.* but no java.*, so this puts the JDK's
 * beside it; both as separate libraries take R8 half as long again and a third more memory.
 */
final class Platform {
    private static final String OF_ANDROID = "(android|dalvik|org/json|org/xml|org/w3c|javax)/.*[.]class";
    private static final String OF_JAVA = "(java|javax|org)/.*[.]class";
    private static final String[] MODULES = {"java.base", "java.logging", "java.sql", "java.xml"};

    public static void main(String[] arguments) throws IOException {
        Set<String> seen = new HashSet<>();
        try (ZipFile framework = new ZipFile(arguments[0]);
                ZipOutputStream out = new ZipOutputStream(new BufferedOutputStream(new FileOutputStream(arguments[1])))) {
            out.setLevel(1);
            for (ZipEntry entry : Collections.list(framework.entries())) {
                if (!entry.getName().matches(OF_ANDROID) || !seen.add(entry.getName())) continue;
                out.putNextEntry(new ZipEntry(entry.getName()));
                framework.getInputStream(entry).transferTo(out);
            }
            for (String module : MODULES) {
                Path root = FileSystems.getFileSystem(URI.create("jrt:/")).getPath("/modules", module);
                try (Stream<Path> paths = Files.walk(root)) {
                    for (Path path : (Iterable<Path>) paths::iterator) {
                        String name = root.relativize(path).toString();
                        if (!name.matches(OF_JAVA) || !seen.add(name)) continue;
                        out.putNextEntry(new ZipEntry(name));
                        Files.copy(path, out);
                    }
                }
            }
        }
    }
}
