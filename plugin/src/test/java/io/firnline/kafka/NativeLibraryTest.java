package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Loading itself, with a library of the JDK's own in the place of ours and a class loader for each broker's. */
class NativeLibraryTest {
    private static final Path A_LIBRARY = Path.of(System.getProperty("java.home"), "lib", "libprefs.so");

    @TempDir
    Path dir;

    private Path jar;
    private Path target;

    @BeforeEach
    void pack() throws IOException {
        jar = dir.resolve("jar");
        target = Files.createDirectory(dir.resolve("target"));
        pack(Files.readAllBytes(A_LIBRARY));
    }

    @Test
    void two_class_loaders_load_one_jars_library_and_leave_one_file() throws Exception {
        assertEquals("[]", loader().apply(to(target)));
        assertEquals("[]", loader().apply(to(target)));
        Function<Map<String, ?>, String> third = loader();
        assertEquals("[]", third.apply(to(target)));
        assertEquals("[]", third.apply(to(target)));
        assertEquals(1, files().size());
    }

    @Test
    void a_library_is_loaded_as_it_is_by_its_path() throws Exception {
        Path library = Files.copy(A_LIBRARY, dir.resolve("mine.so"));
        assertEquals("[]", loader().apply(Map.of("native.library", library.toString())));
        assertEquals("[]", loader().apply(Map.of("native.library", library.toString())));
        assertEquals(List.of(), files());
        assertEquals(
                "rsm.config.native.library: /not/there.so cannot be read",
                loader().apply(Map.of("native.library", "/not/there.so")));
    }

    @Test
    void a_failure_names_platform_and_path_and_is_remembered() throws Exception {
        pack("no library".getBytes(StandardCharsets.US_ASCII));
        Function<Map<String, ?>, String> loader = loader();
        String told = loader.apply(to(target));
        String library = files().get(0).toString();
        assertTrue(told.startsWith("rsm.config.native.library: " + library + " cannot be loaded on linux-x86_64"), told);
        assertFalse(told.contains("\n"), told);

        // Not tried again, though it would work now.
        Files.delete(files().get(0));
        pack(Files.readAllBytes(A_LIBRARY));
        assertEquals(told, loader.apply(to(target)));
        assertEquals(List.of(), files());
        assertEquals("[]", loader().apply(to(target)));
    }

    @Test
    void a_platform_that_the_jar_has_nothing_for_is_named() throws Exception {
        String before = System.setProperty("os.arch", "s390x");
        try {
            assertEquals(
                    "rsm.config.native.library: this platform is linux-s390x, for which the jar has no library"
                            + " (/native/linux-s390x/libfirnline_plugin.so); set the key to one that was built for it",
                    loader().apply(to(target)));
        } finally {
            System.setProperty("os.arch", before);
        }
        assertEquals(List.of(), files());
    }

    @Test
    void a_directory_that_is_refused_is_told_with_the_key_to_set() throws Exception {
        String told = loader().apply(to(dir.resolve("absent")));
        assertTrue(told.startsWith("rsm.config.native.dir: the library for "), told);
        assertTrue(told.contains(dir.resolve("absent") + " is no directory"), told);
    }

    @Test
    @EnabledIf(value = "mayMount", disabledReason = "needs a mount namespace of its own")
    void a_directory_mounted_noexec_is_named() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        String classPath = classPath() + File.pathSeparator + System.getProperty("java.class.path");
        Process process = new ProcessBuilder(
                        "unshare", "-m", "sh", "-c", "mount -t tmpfs -o noexec none \"$1\" && shift && exec \"$@\"", "sh",
                        target.toString(), java, "-cp", classPath, LoadLibrary.class.getName(), "native.dir", target.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, process.waitFor(), told);
        assertTrue(told.startsWith("rsm.config.native.dir: " + target), told);
        assertTrue(told.contains("mounted noexec; set the key to a directory"), told);
    }

    static boolean mayMount() throws Exception {
        return new ProcessBuilder("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt").start().waitFor() == 0;
    }

    private static Map<String, String> to(Path dir) {
        return Map.of("native.dir", dir.toString());
    }

    private void pack(byte[] library) throws IOException {
        Path resource = jar.resolve("native").resolve(Platform.name()).resolve("libfirnline_plugin.so");
        Files.createDirectories(resource.getParent());
        Files.write(resource, library);
    }

    private String classPath() {
        return String.join(
                File.pathSeparator,
                jar.toString(),
                System.getProperty("firnline.test.classes"),
                System.getProperty("firnline.test.tests"));
    }

    @SuppressWarnings("unchecked") // of a class that this loader has loaded anew
    private Function<Map<String, ?>, String> loader() throws Exception {
        ClassLoader loader = new ChildFirstLoader(classPath(), NativeLibraryTest.class.getClassLoader());
        return (Function<Map<String, ?>, String>)
                loader.loadClass(LoadLibrary.class.getName()).getConstructor().newInstance();
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(target)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }
}
