package io.firnline.kafka;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds, checks and loads the library, once a class loader: a broker makes one for each plugin's class path, and a JVM binds
 * a library file to the loader that has loaded it. A failure is remembered, since another try would meet it again.
 */
final class NativeLibrary {
    private static final Logger LOG = LoggerFactory.getLogger(NativeLibrary.class);
    private static final String FILE = "libfirnline_plugin.so";

    private static boolean loaded;
    private static KafkaException failure;

    private NativeLibrary() {}

    /** @throws KafkaException in one line, naming platform, path and what to do */
    static synchronized void load(Settings settings) {
        if (loaded) return;
        if (failure != null) throw failure;
        try {
            String platform = Platform.name();
            Path path = settings.nativeLibrary();
            if (path == null) path = fromJar(platform, settings.nativeDir());
            else if (!Files.isReadable(path)) throw unusable("native.library: " + path + " cannot be read", null);
            load(path, platform);
            loaded = true;
            LOG.info("loaded {} for {}", path, platform);
        } catch (KafkaException told) {
            failure = told;
            throw told;
        }
    }

    private static Path fromJar(String platform, Path dir) {
        String resource = "/native/" + platform + "/" + FILE;
        if (NativeLibrary.class.getResource(resource) == null) {
            throw unusable("native.library: this platform is " + platform + ", for which the jar has no library ("
                    + resource + "); set the key to one that was built for it", null);
        }
        Path base = dir != null ? dir : Path.of(System.getProperty("java.io.tmpdir"));
        try {
            return LibraryFile.place(() -> bytes(resource), base, System.getProperty("user.name"));
        } catch (IOException refused) {
            throw unusable("native.dir: the library for " + platform + " cannot be put into " + base + ": "
                    + Failures.oneLine(refused) + "; set the key to a directory of the broker's user", refused);
        }
    }

    private static InputStream bytes(String resource) throws IOException {
        InputStream in = NativeLibrary.class.getResourceAsStream(resource);
        if (in == null) throw new IOException(resource + " is not in the jar any more");
        return in;
    }

    private static void load(Path path, String platform) {
        try {
            System.load(path.toString());
        } catch (UnsatisfiedLinkError refused) {
            // Told in words alone by the JVM, in these since Java 1.2.
            if (String.valueOf(refused.getMessage()).contains("already loaded in another classloader")) {
                loadAnother(path, platform);
                return;
            }
            throw refused(path, platform, refused);
        }
    }

    /** A link to it would not do: the system's loader knows files by their number and would give the same one again. */
    private static void loadAnother(Path path, String platform) {
        try {
            Path another = LibraryFile.another(path);
            try {
                System.load(another.toString());
            } catch (UnsatisfiedLinkError refused) {
                throw refused(another, platform, refused);
            } finally {
                // It stays mapped; the name has served.
                Files.deleteIfExists(another);
            }
        } catch (IOException full) {
            throw unusable("native.dir: no second copy of " + path + " can be made: " + Failures.oneLine(full), full);
        }
    }

    private static KafkaException refused(Path path, String platform, UnsatisfiedLinkError refused) {
        if (Platform.noexec(path)) {
            return unusable("native.dir: " + path + " for " + platform + " cannot be loaded from a file system that is mounted"
                    + " noexec; set the key to a directory from which programs may run", refused);
        }
        return unusable("native.library: " + path + " cannot be loaded on " + platform + ": "
                + Failures.oneLine(String.valueOf(refused.getMessage())), refused);
    }

    private static KafkaException unusable(String line, Throwable cause) {
        return new KafkaException(Settings.PREFIX + line, cause);
    }
}
