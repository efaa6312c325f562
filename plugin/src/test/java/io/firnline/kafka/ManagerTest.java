package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager.IndexType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Copy, fetch, index and delete, over a core in memory. */
class ManagerTest {
    private static final int SIZE = 5000;

    @TempDir
    Path dir;

    private final byte[] log = Fixtures.bytes(SIZE, 9);
    private MemoryCore core;
    private FirnlineRemoteStorageManager manager;

    @BeforeEach
    void start() {
        manager = Fixtures.manager(settings -> core = new MemoryCore(settings));
        manager.configure(Map.of("store.url", "memory:", "broker.id", 1));
    }

    @AfterEach
    void stop() {
        manager.close();
        assertFalse(Thread.interrupted(), "a flag was left from one test to the next");
    }

    @Test
    void what_was_copied_comes_back_byte_for_byte() throws Exception {
        core.turns = 3;
        RemoteLogSegmentMetadata segment = copied(true);
        try (InputStream in = manager.fetchLogSegment(segment, 0)) {
            assertArrayEquals(log, in.readAllBytes());
        }
        try (InputStream in = manager.fetchLogSegment(segment, 100, 199)) {
            assertArrayEquals(Arrays.copyOfRange(log, 100, 200), in.readAllBytes());
        }
        try (InputStream in = manager.fetchLogSegment(segment, SIZE - 1, Integer.MAX_VALUE)) {
            assertArrayEquals(new byte[] {log[SIZE - 1]}, in.readAllBytes());
        }
        assertArrayEquals(Fixtures.bytes(16, 1), manager.fetchIndex(segment, IndexType.OFFSET).readAllBytes());
        assertArrayEquals(Fixtures.bytes(24, 2), manager.fetchIndex(segment, IndexType.TIMESTAMP).readAllBytes());
        assertArrayEquals(Fixtures.bytes(34, 3), manager.fetchIndex(segment, IndexType.TRANSACTION).readAllBytes());
        assertArrayEquals(Fixtures.bytes(40, 4), manager.fetchIndex(segment, IndexType.PRODUCER_SNAPSHOT).readAllBytes());
        assertEquals(
                "0\n1\n4 900\n",
                new String(manager.fetchIndex(segment, IndexType.LEADER_EPOCH).readAllBytes(), StandardCharsets.US_ASCII));
        assertEquals(1, Collections.frequency(core.calls, "dropCopy"));
    }

    @Test
    void the_epochs_are_read_without_moving_the_brokers_buffer() throws Exception {
        ByteBuffer direct = ByteBuffer.allocateDirect(20).put("..4 900..".getBytes(StandardCharsets.US_ASCII));
        direct.position(2).limit(7);
        LogSegmentData files = Fixtures.files(dir, log, false);
        RemoteLogSegmentMetadata segment = Fixtures.segment(SIZE);
        for (ByteBuffer epochs : List.of(direct, direct.asReadOnlyBuffer())) {
            manager.copyLogSegmentData(
                    segment,
                    new LogSegmentData(
                            files.logSegment(),
                            files.offsetIndex(),
                            files.timeIndex(),
                            files.transactionIndex(),
                            files.producerSnapshotIndex(),
                            epochs));
            assertEquals(2, epochs.position());
            assertEquals(7, epochs.limit());
            byte[] stored = core.stored.get(segment.remoteLogSegmentId().id())[5];
            assertEquals("4 900", new String(stored, StandardCharsets.US_ASCII));
        }
    }

    @Test
    void no_transaction_index_is_not_found_and_no_other_index_is_a_failure() throws Exception {
        RemoteLogSegmentMetadata segment = copied(false);
        assertThrows(RemoteResourceNotFoundException.class, () -> manager.fetchIndex(segment, IndexType.TRANSACTION));
        core.stored.get(segment.remoteLogSegmentId().id())[1] = null;
        assertPlain(assertThrows(RemoteStorageException.class, () -> manager.fetchIndex(segment, IndexType.OFFSET)));
    }

    @Test
    void a_segment_that_is_gone_never_looks_like_one_without_transactions() throws Exception {
        RemoteLogSegmentMetadata segment = copied(true);
        core.stored.clear();
        assertThrows(RemoteResourceNotFoundException.class, () -> manager.fetchLogSegment(segment, 0));
        assertThrows(RemoteResourceNotFoundException.class, () -> manager.fetchIndex(segment, IndexType.OFFSET));
        assertPlain(assertThrows(RemoteStorageException.class, () -> manager.fetchIndex(segment, IndexType.TRANSACTION)));
        RemoteLogSegmentMetadata bare = Fixtures.with(segment, null);
        assertPlain(assertThrows(RemoteStorageException.class, () -> manager.fetchIndex(bare, IndexType.TRANSACTION)));
    }

    @Test
    void deleting_is_idempotent_and_needs_no_metadata() throws Exception {
        RemoteLogSegmentMetadata segment = copied(true);
        manager.deleteLogSegmentData(Fixtures.with(segment, null));
        assertTrue(core.stored.isEmpty());
        manager.deleteLogSegmentData(segment);
        manager.deleteLogSegmentData(Fixtures.with(segment, null));
        core.thrown = new NativeFailure(NativeFailure.NOT_FOUND, "gone");
        manager.deleteLogSegmentData(segment);
        manager.deleteLogSegmentData(Fixtures.with(segment, null));
    }

    @Test
    void another_plugins_segment_is_neither_read_nor_deleted_without_that_plugin() {
        RemoteLogSegmentMetadata segment = Fixtures.with(Fixtures.segment(SIZE), new byte[] {1, 0, 2, 3, 4});
        for (Attempt attempt : List.<Attempt>of(
                () -> manager.fetchLogSegment(segment, 0),
                () -> manager.fetchLogSegment(segment, 0, 9),
                () -> manager.fetchIndex(segment, IndexType.TRANSACTION),
                () -> manager.deleteLogSegmentData(segment))) {
            RemoteStorageException told = assertThrows(RemoteStorageException.class, attempt::run);
            assertPlain(told);
            assertTrue(told.getMessage().contains("rsm.config.previous.class.name"), told.getMessage());
        }
        assertEquals(List.of(), core.calls);
    }

    @Test
    void positions_that_are_not_there_are_refused_because_an_empty_stream_would_skip_records() throws Exception {
        RemoteLogSegmentMetadata segment = copied(false);
        for (int[] bad : new int[][] {{-1, 5}, {SIZE, SIZE}, {Integer.MAX_VALUE, Integer.MAX_VALUE}, {6, 5}, {0, -1}}) {
            assertThrows(RemoteStorageException.class, () -> manager.fetchLogSegment(segment, bad[0], bad[1]));
        }
        assertThrows(RemoteStorageException.class, () -> manager.fetchLogSegment(segment, SIZE));
        assertTrue(core.streams.isEmpty());
    }

    @Test
    void an_interrupt_ends_the_copy_drops_it_and_stays_set() throws Exception {
        core.turns = -1;
        LogSegmentData files = Fixtures.files(dir, log, false);
        Thread copier = Thread.currentThread();
        Thread broker = new Thread(() -> {
            while (!core.calls.contains("awaitCopy")) Thread.onSpinWait();
            copier.interrupt();
        });
        broker.start();
        RemoteStorageException told = assertThrows(
                RemoteStorageException.class, () -> manager.copyLogSegmentData(Fixtures.segment(SIZE), files));
        assertPlain(told);
        assertTrue(told.getMessage().endsWith("was interrupted"), told.getMessage());
        assertTrue(Thread.interrupted());
        broker.join();
        assertTrue(core.copies.isEmpty());
        assertEquals(1, Collections.frequency(core.calls, "dropCopy"));
    }

    @Test
    void a_copy_is_not_begun_by_a_thread_that_is_interrupted() throws Exception {
        LogSegmentData files = Fixtures.files(dir, log, false);
        Thread.currentThread().interrupt();
        assertThrows(RemoteStorageException.class, () -> manager.copyLogSegmentData(Fixtures.segment(SIZE), files));
        assertTrue(Thread.interrupted());
        assertFalse(core.calls.contains("startCopy"));
    }

    @Test
    void a_copy_that_is_done_when_the_interrupt_comes_is_done() throws Exception {
        LogSegmentData files = Fixtures.files(dir, log, false);
        MemoryCore done = core;
        Core late = Fixtures.core((proxy, method, arguments) -> {
                    Object result = method.invoke(done, arguments);
                    if (method.getName().equals("awaitCopy")) Thread.currentThread().interrupt();
                    return result;
                });
        FirnlineRemoteStorageManager second = Fixtures.manager(settings -> late);
        manager.close();
        second.configure(Map.of());
        assertTrue(second.copyLogSegmentData(Fixtures.segment(SIZE), files).isPresent());
        assertTrue(Thread.interrupted());
        second.close();
    }

    @Test
    void metadata_that_later_calls_would_not_know_as_ours_fails_the_copy() throws Exception {
        core.custom = new byte[200];
        LogSegmentData files = Fixtures.files(dir, log, false);
        assertThrows(RemoteStorageException.class, () -> manager.copyLogSegmentData(Fixtures.segment(SIZE), files));
        assertTrue(core.copies.isEmpty());
    }

    @Test
    void a_copy_that_fails_is_dropped() throws Exception {
        LogSegmentData files = Fixtures.files(dir, log, false);
        core.turns = -1;
        Thread breaker = new Thread(() -> {
            while (!core.calls.contains("awaitCopy")) Thread.onSpinWait();
            core.thrown = new OutOfMemoryError();
        });
        breaker.start();
        assertThrows(RemoteStorageException.class, () -> manager.copyLogSegmentData(Fixtures.segment(SIZE), files));
        breaker.join();
        assertTrue(core.copies.isEmpty());
        core.thrown = null;
    }

    @Test
    void a_drop_that_fails_changes_nothing_about_its_copy() throws Exception {
        LogSegmentData files = Fixtures.files(dir, log, false);
        core.undroppable = new InternalError("drop");
        assertTrue(manager.copyLogSegmentData(Fixtures.segment(SIZE), files).isPresent());
        core.custom = new byte[3];
        RemoteStorageException told = assertThrows(
                RemoteStorageException.class, () -> manager.copyLogSegmentData(Fixtures.segment(SIZE), files));
        assertTrue(told.getMessage().contains("3 bytes"), told.getMessage());
    }

    @Test
    void parts_that_are_missing_are_told_as_a_failure_of_the_call() throws Exception {
        LogSegmentData files = Fixtures.files(dir, log, false);
        assertThrows(RemoteStorageException.class, () -> manager.copyLogSegmentData(null, files));
        assertThrows(RemoteStorageException.class, () -> manager.copyLogSegmentData(Fixtures.segment(SIZE), null));
        assertThrows(RemoteStorageException.class, () -> manager.fetchLogSegment(null, 0));
        assertThrows(RemoteStorageException.class, () -> manager.fetchLogSegment(null, 0, 1));
        assertThrows(RemoteStorageException.class, () -> manager.fetchIndex(null, IndexType.OFFSET));
        assertThrows(RemoteStorageException.class, () -> manager.fetchIndex(copied(false), null));
        assertThrows(RemoteStorageException.class, () -> manager.deleteLogSegmentData(null));
    }

    private RemoteLogSegmentMetadata copied(boolean transactions) throws RemoteStorageException, IOException {
        RemoteLogSegmentMetadata segment = Fixtures.segment(SIZE);
        byte[] custom = manager.copyLogSegmentData(segment, Fixtures.files(dir, log, transactions)).orElseThrow().value();
        assertArrayEquals(Fixtures.ours(SIZE), custom);
        return Fixtures.with(segment, custom);
    }

    /** Not one of the kinds that mean something else. */
    private static void assertPlain(RemoteStorageException thrown) {
        assertEquals(RemoteStorageException.class, thrown.getClass());
    }

    private interface Attempt {
        void run() throws Exception;
    }
}
