package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.tools.ToolProvider;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager.IndexType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreviousManagerTest {
    private static final int SIZE = 300;
    private static final byte[] THEIRS = {2, 0, 1, 2, 3};

    @TempDir
    static Path plugin;

    @TempDir
    Path dir;

    private MemoryCore core;
    private FirnlineRemoteStorageManager manager;
    private ClassLoader before;

    @BeforeAll
    static void compile() throws IOException {
        Path source = plugin.resolve("OtherPlugin.java");
        try (InputStream in = PreviousManagerTest.class.getResourceAsStream("/other/OtherPlugin.java")) {
            Files.copy(in, source);
        }
        int failed = ToolProvider.getSystemJavaCompiler().run(
                null, null, null, "-d", plugin.toString(), "-cp", System.getProperty("java.class.path"), source.toString());
        assertEquals(0, failed);
    }

    @BeforeEach
    void remember() {
        before = Thread.currentThread().getContextClassLoader();
        System.clearProperty("other.plugin.closed");
    }

    @AfterEach
    void stop() {
        if (manager != null) manager.close();
        assertSame(before, Thread.currentThread().getContextClassLoader());
    }

    @Test
    void what_is_theirs_is_theirs_and_our_core_hears_nothing_of_it() throws Exception {
        start(Map.of());
        RemoteLogSegmentMetadata theirs = Fixtures.with(Fixtures.segment(SIZE), THEIRS);
        assertEquals("fetch 7", text(manager.fetchLogSegment(theirs, 7)));
        assertEquals("fetch 7 9", text(manager.fetchLogSegment(theirs, 7, 9)));
        assertEquals("OFFSET of broker 3", text(manager.fetchIndex(theirs, IndexType.OFFSET)));
        assertThrows(RemoteResourceNotFoundException.class, () -> manager.fetchIndex(theirs, IndexType.TRANSACTION));
        manager.deleteLogSegmentData(theirs);
        assertEquals(List.of(), core.calls);
        assertCalls(2, 2, 1);
    }

    @Test
    void a_segment_without_metadata_is_looked_for_in_our_tier_first() throws Exception {
        start(Map.of());
        RemoteLogSegmentMetadata bare = Fixtures.segment(SIZE);
        assertEquals("fetch 7", text(manager.fetchLogSegment(bare, 7)));
        assertEquals("fetch 7 9", text(manager.fetchLogSegment(bare, 7, 9)));
        assertEquals("TIMESTAMP of broker 3", text(manager.fetchIndex(bare, IndexType.TIMESTAMP)));
        assertThrows(RemoteResourceNotFoundException.class, () -> manager.fetchIndex(bare, IndexType.TRANSACTION));
        manager.deleteLogSegmentData(bare);
        assertEquals(List.of("fetch 7 2147483647", "fetch 7 9", "index 1", "index 3", "delete"), core.calls);

        manager.copyLogSegmentData(bare, Fixtures.files(dir, Fixtures.bytes(SIZE, 1), false));
        assertArrayEquals(Fixtures.bytes(SIZE, 1), manager.fetchLogSegment(bare, 0).readAllBytes());
        manager.deleteLogSegmentData(bare);
        assertTrue(core.stored.isEmpty());
        assertCalls(2, 2, 1);
    }

    @Test
    void what_is_ours_is_never_asked_of_them() throws Exception {
        start(Map.of());
        RemoteLogSegmentMetadata ours = Fixtures.with(Fixtures.segment(SIZE), Fixtures.ours(SIZE));
        assertThrows(RemoteResourceNotFoundException.class, () -> manager.fetchLogSegment(ours, 0));
        assertThrows(RemoteStorageException.class, () -> manager.fetchIndex(ours, IndexType.OFFSET));
        manager.deleteLogSegmentData(ours);
        core.thrown = new NativeFailure(NativeFailure.NOT_FOUND, "gone");
        manager.deleteLogSegmentData(ours);
        core.thrown = null;
        assertCalls(0, 0, 0);
    }

    @Test
    void a_tier_of_ours_that_does_not_answer_is_not_one_without_the_segment() {
        start(Map.of());
        core.thrown = new NativeFailure(NativeFailure.TRY_AGAIN, "busy");
        RemoteLogSegmentMetadata bare = Fixtures.segment(SIZE);
        assertThrows(RemoteStorageException.class, () -> manager.fetchLogSegment(bare, 0));
        assertThrows(RemoteStorageException.class, () -> manager.fetchIndex(bare, IndexType.TRANSACTION));
        assertThrows(RemoteStorageException.class, () -> manager.deleteLogSegmentData(bare));
        core.thrown = null;
        assertCalls(0, 0, 0);
    }

    @Test
    void their_class_loader_is_the_context_while_their_streams_are_read() throws Exception {
        start(Map.of());
        InputStream in = manager.fetchLogSegment(Fixtures.with(Fixtures.segment(SIZE), THEIRS), 12);
        Thread.currentThread().setContextClassLoader(null);
        try {
            assertEquals(8, in.available());
            assertEquals('f', in.read());
            assertEquals(2, in.skip(2));
            byte[] into = new byte[3];
            assertEquals(2, in.read(into, 1, 2));
            assertArrayEquals(new byte[] {0, 'c', 'h'}, into);
            in.close();
            assertNull(Thread.currentThread().getContextClassLoader());
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    @Test
    void they_are_loaded_by_themselves_below_the_brokers_loader() throws Exception {
        ClassLoader loader = new ChildFirstLoader(plugin.toString(), PreviousManagerTest.class.getClassLoader());
        assertSame(loader, loader.loadClass("other.OtherPlugin").getClassLoader());
        assertNotSame(loader, loader.loadClass(RemoteStorageException.class.getName()).getClassLoader());
        assertThrows(ClassNotFoundException.class, () -> Class.forName("other.OtherPlugin"));
    }

    @Test
    void nothing_of_what_they_throw_reaches_the_broker() {
        RemoteLogSegmentMetadata theirs = Fixtures.with(Fixtures.segment(SIZE), THEIRS);
        start(Map.of("stream", "error", "delete", "error", "close", "error"));
        assertThrows(RemoteStorageException.class, () -> manager.fetchLogSegment(theirs, 0));
        assertThrows(RemoteStorageException.class, () -> manager.fetchIndex(theirs, IndexType.OFFSET));
        assertThrows(RemoteStorageException.class, () -> manager.deleteLogSegmentData(theirs));
        manager.close();
        assertEquals("true", System.getProperty("other.plugin.closed"));
        assertEquals(1, core.closed.get());
    }

    @Test
    void no_stream_and_a_stream_that_breaks_are_failures() throws Exception {
        RemoteLogSegmentMetadata theirs = Fixtures.with(Fixtures.segment(SIZE), THEIRS);
        start(Map.of("stream", "none"));
        assertThrows(RemoteStorageException.class, () -> manager.fetchLogSegment(theirs, 0));
        manager.close();
        start(Map.of("stream", "late"));
        InputStream in = manager.fetchLogSegment(theirs, 0);
        assertThrows(IOException.class, in::read);
        assertThrows(IOException.class, () -> in.read(new byte[3]));
    }

    @Test
    void what_they_do_not_find_is_deleted() throws Exception {
        start(Map.of("delete", "gone"));
        manager.deleteLogSegmentData(Fixtures.with(Fixtures.segment(SIZE), THEIRS));
        manager.deleteLogSegmentData(Fixtures.segment(SIZE));
        assertCalls(0, 0, 2);
    }

    @Test
    void what_keeps_them_from_starting_is_told_in_one_line() {
        ConfigException told = assertThrows(ConfigException.class, () -> start(Map.of("refuse", "")));
        assertEquals(
                "Firnline cannot start: rsm.config.previous.class.name: other.OtherPlugin did not start: "
                        + "IllegalArgumentException: refused; as told",
                told.getMessage());
        assertEquals(1, core.closed.get());
        told = assertThrows(ConfigException.class, () -> configure(Map.of(
                "previous.class.name", "other.OtherPlugin", "previous.class.path", dir + "/absent")));
        assertTrue(told.getMessage().contains("rsm.config.previous.class.path: " + dir + "/absent is not there"));
        told = assertThrows(ConfigException.class, () -> configure(Map.of("previous.class.name", "java.lang.String")));
        assertTrue(told.getMessage().contains("rsm.config.previous.class.name: java.lang.String"), told.getMessage());
    }

    /** Kafka's own plugin, from its own jar: what it wrote before is read and deleted by it behind us. */
    @Test
    void a_tier_of_kafkas_local_tiered_storage_is_read_and_deleted() throws Exception {
        byte[] log = Fixtures.bytes(SIZE, 5);
        RemoteLogSegmentMetadata segment = Fixtures.segment(SIZE);
        Map<String, Object> config = Map.of("dir", dir.resolve("tier").toString(), "broker.id", 3, "delete.on.close", "false");
        String classPath = System.getProperty("firnline.test.previous") + "/*";
        String name = "org.apache.kafka.server.log.remote.storage.LocalTieredStorage";
        try (ChildFirstLoader loader = new ChildFirstLoader(classPath, before)) {
            RemoteStorageManager writer = (RemoteStorageManager)
                    loader.loadClass(name).getConstructor().newInstance();
            writer.configure(config);
            assertTrue(writer.copyLogSegmentData(segment, Fixtures.files(dir, log, false)).isEmpty());
            writer.close();
        }
        configure(Map.of(
                "previous.class.name", name,
                "previous.class.path", classPath,
                "previous.config.dir", dir.resolve("tier").toString(),
                "broker.id", 3));
        assertArrayEquals(log, manager.fetchLogSegment(segment, 0).readAllBytes());
        assertArrayEquals(Fixtures.bytes(16, 1), manager.fetchIndex(segment, IndexType.OFFSET).readAllBytes());
        assertArrayEquals(Fixtures.bytes(40, 4), manager.fetchIndex(segment, IndexType.PRODUCER_SNAPSHOT).readAllBytes());
        assertThrows(RemoteResourceNotFoundException.class, () -> manager.fetchIndex(segment, IndexType.TRANSACTION));
        manager.deleteLogSegmentData(segment);
        assertThrows(RemoteResourceNotFoundException.class, () -> manager.fetchLogSegment(segment, 0));

        // A failed copy of ours: its clean-up has no metadata, and they have never heard of it.
        manager.deleteLogSegmentData(Fixtures.segment(SIZE));
        RemoteLogSegmentMetadata fresh = Fixtures.segment(SIZE);
        byte[] custom = manager.copyLogSegmentData(fresh, Fixtures.files(dir, log, false)).orElseThrow().value();
        assertArrayEquals(log, manager.fetchLogSegment(Fixtures.with(fresh, custom), 0).readAllBytes());
    }

    private void start(Map<String, String> told) {
        Map<String, Object> config = new HashMap<>();
        config.put("broker.id", 3);
        config.put("previous.class.name", "other.OtherPlugin");
        config.put("previous.class.path", plugin.toString());
        told.forEach((key, value) -> config.put("previous.config." + key, value));
        configure(config);
    }

    private void configure(Map<String, ?> config) {
        manager = Fixtures.manager(settings -> core = new MemoryCore(settings));
        manager.configure(config);
    }

    private void assertCalls(int fetches, int indexes, int deletes) {
        Map<String, Double> byCall = new HashMap<>();
        manager.metrics().values().forEach((series, value) -> {
            if (series.name().equals("firnline_plugin_previous_calls_total")) byCall.put(series.labels().get("call"), value);
        });
        assertEquals(Map.of("fetch", (double) fetches, "index", (double) indexes, "delete", (double) deletes), byCall);
    }

    private static String text(InputStream in) throws IOException {
        try (in) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
        }
    }
}
