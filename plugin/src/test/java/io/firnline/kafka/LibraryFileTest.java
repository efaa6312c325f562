package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

class LibraryFileTest {
    private static final int NOBODY = 65534;

    @TempDir
    Path base;

    private final byte[] bytes = Fixtures.bytes(100_000, 3);

    @Test
    void it_stands_in_a_directory_of_this_user_alone_and_is_used_again() throws IOException {
        Path library = place();
        assertArrayEquals(bytes, Files.readAllBytes(library));
        assertEquals(base.resolve("firnline-kafka_"), library.getParent());
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(library.getParent())));
        Object inode = Files.getAttribute(library, "unix:ino");
        assertEquals(library, place());
        assertEquals(inode, Files.getAttribute(library, "unix:ino"));
        assertOnly(library);
    }

    @Test
    void other_bytes_have_another_name() throws IOException {
        assertNotEquals(place(), LibraryFile.place(() -> new ByteArrayInputStream(new byte[5]), base, "kafka/"));
    }

    @Test
    void wrong_bytes_under_the_right_name_are_replaced() throws IOException {
        Path library = place();
        for (int length : new int[] {0, bytes.length - 1, bytes.length}) {
            Files.write(library, new byte[length]);
            assertEquals(library, place());
            assertArrayEquals(bytes, Files.readAllBytes(library));
        }
        Files.setPosixFilePermissions(library, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertEquals(library, place());
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(library)));
        Path elsewhere = Files.write(base.resolve("elsewhere"), bytes);
        Files.delete(library);
        Files.createSymbolicLink(library, elsewhere);
        assertEquals(library, place());
        assertTrue(Files.isRegularFile(library, LinkOption.NOFOLLOW_LINKS));
        assertOnly(library);
    }

    @Test
    void many_at_once_agree() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Callable<Path>> all = Stream.generate(() -> (Callable<Path>) this::place).limit(32).toList();
            for (Future<Path> one : threads.invokeAll(all)) assertEquals(place(), one.get());
        } finally {
            threads.shutdown();
        }
        assertOnly(place());
    }

    @Test
    void a_directory_that_others_may_write_is_refused() throws IOException {
        Path dir = place().getParent();
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwx-wx---"));
        assertRefused(dir + " may be written by others");
    }

    @Test
    void something_else_in_the_place_of_the_directory_is_refused() throws IOException {
        Path target = Files.createDirectory(base.resolve("target"));
        Path dir = Files.createSymbolicLink(base.resolve("firnline-kafka_"), target);
        assertRefused(dir + " is no directory");
        Files.delete(dir);
        Files.createFile(dir);
        assertRefused(dir + " is no directory");
    }

    @Test
    void a_base_that_everybody_may_rename_in_is_refused_and_one_like_tmp_is_not() throws IOException {
        Files.setAttribute(base, "unix:mode", 0777);
        assertRefused(base + " may be written by everybody and is not sticky");
        Files.setAttribute(base, "unix:mode", 01777);
        place();
    }

    @Test
    void a_base_that_is_not_there_is_refused() {
        Path absent = base.resolve("absent");
        IOException told = assertThrows(
                IOException.class, () -> LibraryFile.place(() -> new ByteArrayInputStream(bytes), absent, "kafka"));
        assertEquals(absent + " is no directory", told.getMessage());
    }

    @Test
    void bytes_that_change_while_they_are_copied_are_refused() {
        int[] opened = new int[1];
        LibraryFile.Source changing = () -> new ByteArrayInputStream(new byte[] {(byte) opened[0]++});
        assertThrows(IOException.class, () -> LibraryFile.place(changing, base, "kafka"));
    }

    @Test
    void another_one_is_a_file_of_its_own() throws IOException {
        Path library = place();
        Path another = LibraryFile.another(library);
        assertNotEquals(Files.getAttribute(library, "unix:ino"), Files.getAttribute(another, "unix:ino"));
        assertArrayEquals(bytes, Files.readAllBytes(another));
    }

    @Test
    @EnabledIf(value = "root", disabledReason = "only root can give files to others")
    void what_belongs_to_others_is_refused() throws IOException {
        Path library = place();
        Files.setAttribute(library, "unix:uid", NOBODY);
        assertRefused(library + " belongs to ");
        Files.delete(library);
        Files.setAttribute(library.getParent(), "unix:uid", NOBODY);
        assertRefused(library.getParent() + " belongs to ");
    }

    @Test
    @EnabledIf(value = "root", disabledReason = "only root can become another user")
    void a_user_who_may_not_write_is_told_where() throws Exception {
        Files.setPosixFilePermissions(base, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertEquals("refused: " + base + " may not be written by this user", asNobody("nobody"));

        Path roots = Files.createDirectory(base.resolve("firnline-taken"));
        assertEquals(
                "refused: " + roots + " may not be written by this user; it belongs to " + Files.getOwner(roots),
                asNobody("taken"));

        Files.setAttribute(base, "unix:mode", 01777);
        String placed = asNobody("nobody");
        assertTrue(placed.startsWith(base + "/firnline-nobody/libfirnline_plugin-"), placed);
        assertEquals(NOBODY, Files.getAttribute(Path.of(placed), "unix:uid"));
        assertEquals(placed, asNobody("nobody"));

        // Somebody else's file under that name, in a directory that is right.
        Files.setAttribute(Path.of(placed), "unix:uid", 0);
        assertTrue(asNobody("nobody").startsWith("refused: " + placed + " belongs to "));
    }

    static boolean root() throws IOException {
        return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
    }

    private Path place() throws IOException {
        return LibraryFile.place(() -> new ByteArrayInputStream(bytes), base, "kafka/");
    }

    private void assertRefused(String beginning) {
        IOException told = assertThrows(IOException.class, this::place);
        assertTrue(told.getMessage().startsWith(beginning), told.getMessage());
    }

    /** Nothing temporary is left. */
    private static void assertOnly(Path library) throws IOException {
        try (Stream<Path> files = Files.list(library.getParent())) {
            assertEquals(List.of(library), files.toList());
        }
    }

    private String asNobody(String user) throws Exception {
        Path classes = base.resolve("classes/io/firnline/kafka");
        Files.createDirectories(classes);
        for (Class<?> needed : new Class<?>[] {LibraryFile.class, LibraryFile.Source.class, PlaceLibrary.class}) {
            String name = needed.getName().substring(needed.getPackageName().length() + 1) + ".class";
            if (!Files.exists(classes.resolve(name))) Files.copy(needed.getResourceAsStream(name), classes.resolve(name));
        }
        Process process = new ProcessBuilder(
                        "setpriv",
                        "--reuid=" + NOBODY,
                        "--regid=" + NOBODY,
                        "--clear-groups",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        base.resolve("classes").toString(),
                        PlaceLibrary.class.getName(),
                        base.toString(),
                        user)
                .redirectErrorStream(true)
                .start();
        String told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, process.waitFor(), told);
        return told;
    }
}
