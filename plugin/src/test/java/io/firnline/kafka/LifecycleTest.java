package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager.IndexType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LifecycleTest {
    @TempDir
    Path dir;

    private final List<MemoryCore> cores = new ArrayList<>();
    private final FirnlineRemoteStorageManager manager = Fixtures.manager(settings -> {
        cores.add(new MemoryCore(settings));
        return cores.get(cores.size() - 1);
    });

    @Test
    void the_broker_can_make_one_without_anything_being_loaded() {
        new FirnlineRemoteStorageManager().close();
    }

    @Test
    void calls_before_configure_and_after_close_are_refused() throws IOException {
        assertRefused();
        manager.configure(Map.of());
        manager.close();
        assertRefused();
    }

    @Test
    void close_without_configure_and_a_second_close_do_nothing() {
        manager.close();
        manager.close();
        FirnlineRemoteStorageManager other = Fixtures.manager(settings -> new MemoryCore(settings));
        other.configure(Map.of());
        other.close();
        other.close();
    }

    @Test
    void a_second_configure_is_refused_and_the_first_goes_on() throws Exception {
        manager.configure(Map.of());
        assertThrows(ConfigException.class, () -> manager.configure(Map.of()));
        assertEquals(1, cores.size());
        manager.deleteLogSegmentData(Fixtures.segment(1));
        manager.close();
        assertEquals(1, cores.get(0).closed.get());
        assertThrows(ConfigException.class, () -> manager.configure(Map.of()));
    }

    @Test
    void a_bad_config_is_told_in_one_line_with_every_key() {
        FirnlineRemoteStorageManager bad = Fixtures.manager(settings -> {
            throw new NativeFailure(NativeFailure.OTHER, "store.url is missing\nlimits.read_memory: 1x is no size");
        });
        ConfigException told = assertThrows(
                ConfigException.class,
                () -> bad.configure(Map.of("native.dir", "x", "previous.class.name", "no.such.Plugin")));
        assertEquals(
                "Firnline cannot start: rsm.config.native.dir: x is no absolute path; store.url is missing; "
                        + "limits.read_memory: 1x is no size; rsm.config.previous.class.name: no.such.Plugin did not start: "
                        + "ClassNotFoundException: no.such.Plugin",
                told.getMessage());
    }

    @Test
    void what_was_opened_before_something_else_failed_is_closed_and_a_better_config_may_follow() {
        assertThrows(ConfigException.class, () -> manager.configure(Map.of("previous.class.name", "no.such.Plugin")));
        assertEquals(1, cores.get(0).closed.get());
        manager.configure(Map.of());
        assertEquals(0, cores.get(1).closed.get());
        manager.close();
        assertEquals(1, cores.get(1).closed.get());
    }

    @Test
    void errors_while_opening_are_config_exceptions_with_their_causes() {
        for (Throwable thrown : List.of(new UnsatisfiedLinkError("open"), new NoClassDefFoundError("x"), new OutOfMemoryError())) {
            FirnlineRemoteStorageManager bad = Fixtures.manager(settings -> {
                throw (Error) thrown;
            });
            ConfigException told = assertThrows(ConfigException.class, () -> bad.configure(Map.of()));
            assertTrue(told.getMessage().contains(thrown.getClass().getSimpleName()), told.getMessage());
            assertEquals(thrown, told.getSuppressed()[0]);
        }
    }

    @Test
    void a_library_that_cannot_be_loaded_is_told_in_one_line() {
        FirnlineRemoteStorageManager bad = Fixtures.manager(settings -> {
            throw new KafkaException("rsm.config.native.dir: /tmp is mounted\nnoexec");
        });
        ConfigException told = assertThrows(ConfigException.class, () -> bad.configure(Map.of()));
        assertEquals("Firnline cannot start: rsm.config.native.dir: /tmp is mounted; noexec", told.getMessage());
    }

    @Test
    void streams_that_are_open_at_the_close_fail_and_do_not_end() throws Exception {
        manager.configure(Map.of());
        RemoteLogSegmentMetadata segment = Fixtures.segment(100);
        manager.copyLogSegmentData(segment, Fixtures.files(dir, new byte[100], false));
        InputStream in = manager.fetchLogSegment(segment, 0);
        assertEquals(0, in.read());
        manager.close();
        assertThrows(IOException.class, in::read);
        in.close();
    }

    @Test
    void calls_that_are_under_way_at_the_close_end_as_they_should() throws Exception {
        manager.configure(Map.of());
        LogSegmentData files = Fixtures.files(dir, Fixtures.bytes(5000, 1), true);
        AtomicInteger rounds = new AtomicInteger();
        List<Throwable> wrong = new CopyOnWriteArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            threads.add(new Thread(() -> {
                try {
                    while (true) {
                        RemoteLogSegmentMetadata segment = Fixtures.segment(5000);
                        manager.copyLogSegmentData(segment, files);
                        try (InputStream in = manager.fetchLogSegment(segment, 0)) {
                            while (in.read(new byte[100]) > 0) Thread.onSpinWait();
                        }
                        manager.fetchIndex(segment, IndexType.TRANSACTION).close();
                        manager.deleteLogSegmentData(segment);
                        rounds.incrementAndGet();
                    }
                } catch (RemoteStorageException | IOException told) {
                    // As it should be.
                } catch (Throwable thrown) {
                    wrong.add(thrown);
                }
            }));
        }
        threads.forEach(Thread::start);
        while (rounds.get() < 50) Thread.onSpinWait();
        manager.close();
        for (Thread thread : threads) thread.join();
        assertEquals(List.of(), wrong);
        assertEquals(1, cores.get(0).closed.get());
    }

    @Test
    void a_core_that_cannot_be_closed_does_not_keep_the_broker_from_stopping() {
        AtomicInteger closed = new AtomicInteger();
        Core stubborn = Fixtures.core((proxy, method, arguments) -> {
                    if (method.getName().equals("metrics")) return "";
                    closed.incrementAndGet();
                    throw new InternalError("close");
                });
        FirnlineRemoteStorageManager other = Fixtures.manager(settings -> stubborn);
        other.configure(Map.of());
        other.close();
        assertEquals(1, closed.get());
    }

    private void assertRefused() throws IOException {
        RemoteLogSegmentMetadata segment = Fixtures.segment(100);
        LogSegmentData files = Fixtures.files(dir, new byte[100], false);
        assertThrows(RemoteStorageException.class, () -> manager.copyLogSegmentData(segment, files));
        assertThrows(RemoteStorageException.class, () -> manager.fetchLogSegment(segment, 0));
        assertThrows(RemoteStorageException.class, () -> manager.fetchLogSegment(segment, 0, 1));
        assertThrows(RemoteStorageException.class, () -> manager.fetchIndex(segment, IndexType.TRANSACTION));
        assertThrows(RemoteStorageException.class, () -> manager.deleteLogSegmentData(segment));
    }
}
