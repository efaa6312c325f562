package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager.IndexType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FailuresTest {
    @TempDir
    Path dir;

    private final RemoteLogSegmentMetadata segment = Fixtures.segment(100);

    @Test
    void whatever_the_core_throws_out_of_any_call_is_a_remote_storage_exception() throws IOException {
        MemoryCore[] core = new MemoryCore[1];
        FirnlineRemoteStorageManager manager =
                Fixtures.manager(settings -> core[0] = new MemoryCore(settings));
        manager.configure(Map.of());
        LogSegmentData files = Fixtures.files(dir, new byte[100], true);
        for (Throwable thrown : Fixtures.throwables("some\n reason")) {
            core[0].thrown = thrown;
            for (Attempt attempt : List.<Attempt>of(
                    () -> manager.copyLogSegmentData(segment, files),
                    () -> manager.fetchLogSegment(segment, 0),
                    () -> manager.fetchLogSegment(segment, 0, 9),
                    () -> manager.fetchIndex(segment, IndexType.OFFSET),
                    () -> manager.fetchIndex(segment, IndexType.TRANSACTION),
                    () -> manager.deleteLogSegmentData(segment))) {
                RemoteStorageException told = assertThrows(RemoteStorageException.class, attempt::run, thrown.toString());
                assertTrue(told.getMessage().contains(segment.remoteLogSegmentId().id().toString()), told.getMessage());
                assertFalse(told.getMessage().contains("\n"), told.getMessage());
                assertFalse(told instanceof RemoteResourceNotFoundException, thrown.toString());
                if (!(thrown instanceof NativeFailure)) assertSame(thrown, told.getCause());
            }
        }
        core[0].thrown = null;
        manager.close();
    }

    @Test
    void the_kinds_are_the_brokers() {
        assertEquals(RemoteResourceNotFoundException.class, kind(NativeFailure.NOT_FOUND).getClass());
        assertEquals(RemoteStorageException.class, kind(NativeFailure.OTHER).getClass());
        // 3.9 has no better one; newer brokers are looked at in VersionsTest.
        assertEquals(RemoteStorageException.class, kind(NativeFailure.TRY_AGAIN).getClass());
    }

    @Test
    void a_message_says_what_was_done_to_which_segment() {
        assertEquals(
                "copy of segment " + segment.remoteLogSegmentId().id() + " of " + segment.topicIdPartition()
                        + " (offsets 1000 to 1999): no; it is; broken",
                Failures.of(new NativeFailure(NativeFailure.OTHER, " no\n it is\r\n\nbroken\n"), "copy", segment).getMessage());
    }

    @Test
    void what_the_broker_understands_passes_as_it_is() {
        RemoteStorageException known = new RemoteResourceNotFoundException("known");
        assertSame(known, Failures.of(known, "copy", segment));
        IOException read = new IOException("known");
        assertSame(read, Failures.ofRead(read, "read"));
    }

    @Test
    void telling_never_fails_itself() {
        Throwable unspeakable = new Throwable() {
            private static final long serialVersionUID = 1L;

            @Override
            public String getMessage() {
                throw new OutOfMemoryError();
            }
        };
        assertNotNull(Failures.of(unspeakable, "copy", segment));
        assertNotNull(Failures.ofRead(unspeakable, "read"));
        assertNotNull(Failures.of(new Error(), "copy", null));
    }

    private RemoteStorageException kind(int kind) {
        return Failures.of(new NativeFailure(kind, "reason"), "copy", segment);
    }

    private interface Attempt {
        void run() throws Exception;
    }
}
