package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.junit.jupiter.api.Test;

class SegmentStreamTest {
    private static final int SIZE = 10_000;

    private final byte[] log = Fixtures.bytes(SIZE, 42);
    private final Uuid id = Uuid.randomUuid();
    private final RemoteLogSegmentMetadata segment = Fixtures.segment(id, SIZE, Fixtures.ours(SIZE));
    private final MemoryCore core = new MemoryCore(new Settings(List.of(), null, null, null));

    SegmentStreamTest() {
        core.stored.put(id, new byte[][] {log, null, null, null, null, null});
    }

    @Test
    void any_mix_of_reads_and_skips_gives_the_bytes_at_their_places() throws IOException {
        Random random = new Random(7);
        for (int round = 0; round < 300; round++) {
            int start = random.nextInt(SIZE);
            int end = start + random.nextInt(SIZE - start + 500);
            int last = Math.min(end, SIZE - 1);
            core.most = 1 + random.nextInt(3000);
            try (InputStream in = open(start, end)) {
                int at = start;
                while (true) {
                    if (random.nextInt(4) == 0) {
                        at += (int) in.skip(random.nextInt(2000));
                    } else if (random.nextInt(4) == 0) {
                        int one = in.read();
                        if (one < 0) break;
                        assertEquals(log[at++] & 0xFF, one);
                    } else {
                        byte[] into = new byte[1 + random.nextInt(4000)];
                        int offset = random.nextInt(into.length);
                        int got = in.read(into, offset, into.length - offset);
                        if (got < 0) break;
                        assertArrayEquals(Arrays.copyOfRange(log, at, at + got), Arrays.copyOfRange(into, offset, offset + got));
                        at += got;
                    }
                }
                assertEquals(last + 1, at);
                assertEquals(-1, in.read());
                assertEquals(-1, in.read(new byte[5]));
                assertEquals(0, in.skip(5));
            }
        }
        assertTrue(core.streams.isEmpty());
    }

    @Test
    void the_end_is_told_to_the_core_only_where_it_lies_inside() throws IOException {
        open(5, 20).close();
        open(5, SIZE - 1).close();
        open(5, Integer.MAX_VALUE).close();
        assertEquals(List.of("fetch 5 20", "fetch 5 2147483647", "fetch 5 2147483647"), core.calls);
    }

    @Test
    void an_early_end_is_a_failure_and_stays_one() throws IOException {
        core.lost = 100;
        InputStream in = open(0, Integer.MAX_VALUE);
        byte[] all = new byte[SIZE];
        assertEquals(SIZE - 100, in.readNBytes(all, 0, SIZE - 100));
        EOFException early = assertThrows(EOFException.class, in::read);
        assertTrue(early.getMessage().endsWith("it ended 100 bytes early"), early.getMessage());
        core.lost = 0;
        assertThrows(IOException.class, in::read);
        assertThrows(IOException.class, () -> in.skip(1));
        assertThrows(IOException.class, in::available);
    }

    @Test
    void an_early_end_of_a_range_is_a_failure() throws IOException {
        core.lost = SIZE - 10;
        assertThrows(EOFException.class, open(0, 50)::readAllBytes);
    }

    @Test
    void what_a_skip_has_passed_counts() throws IOException {
        core.lost = 100;
        InputStream in = open(0, Integer.MAX_VALUE);
        assertEquals(SIZE - 100, in.skip(SIZE));
        assertThrows(EOFException.class, in::read);
    }

    @Test
    void more_bytes_than_the_segment_has_are_a_failure() throws IOException {
        core.stored.put(id, new byte[][] {Arrays.copyOf(log, SIZE + 1), null, null, null, null, null});
        assertThrows(IOException.class, open(0, Integer.MAX_VALUE)::readAllBytes);
    }

    @Test
    void whatever_a_read_throws_is_an_io_exception_with_the_segment_in_it() throws IOException {
        for (Throwable thrown : Fixtures.throwables("store is\n  busy")) {
            core.thrown = null;
            InputStream in = open(0, 99);
            core.thrown = thrown;
            IOException told = assertThrows(IOException.class, in::read);
            assertTrue(told.getMessage().contains(id.toString()), told.getMessage());
            assertTrue(!told.getMessage().contains("\n"), told.getMessage());
            core.thrown = null;
            assertThrows(IOException.class, in::read, "a failed stream does not come back");
            in.close();
        }
        assertTrue(core.streams.isEmpty());
    }

    @Test
    void close_drops_once_and_use_after_it_fails() throws IOException {
        InputStream in = open(0, 99);
        in.close();
        in.close();
        assertEquals(1, core.dropped.get());
        assertThrows(IOException.class, in::read);
        assertThrows(IOException.class, () -> in.read(new byte[3]));
        assertThrows(IOException.class, () -> in.read(new byte[3], 0, 0));
        assertThrows(IOException.class, () -> in.skip(1));
        assertThrows(IOException.class, in::available);
    }

    @Test
    void bad_bounds_are_the_callers_fault_and_harm_nothing() throws IOException {
        InputStream in = open(0, 99);
        assertThrows(IndexOutOfBoundsException.class, () -> in.read(new byte[3], 2, 2));
        assertThrows(IndexOutOfBoundsException.class, () -> in.read(new byte[3], -1, 2));
        assertThrows(NullPointerException.class, () -> in.read(null, 0, 1));
        assertEquals(0, in.read(new byte[0]));
        assertEquals(0, in.skip(-5));
        assertEquals(100, in.readAllBytes().length);
    }

    @Test
    void a_stream_that_nobody_closes_is_dropped() throws Exception {
        for (int i = 0; i < 50; i++) open(0, 99).read();
        for (int i = 0; i < 200 && core.dropped.get() < 50; i++) {
            System.gc();
            Thread.sleep(20);
        }
        assertEquals(50, core.dropped.get());
    }

    @Test
    void closing_ends_a_read_that_waits() throws Exception {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch dropped = new CountDownLatch(1);
        Core waiting = Fixtures.core((proxy, method, arguments) -> {
                    switch (method.getName()) {
                        case "fetch" -> {
                            return 1L;
                        }
                        case "read" -> {
                            reading.countDown();
                            dropped.await();
                            throw new NativeFailure(NativeFailure.OTHER, "stale stream");
                        }
                        case "dropStream" -> dropped.countDown();
                        default -> throw new AssertionError(method);
                    }
                    return null;
                });
        InputStream in = SegmentStream.open(waiting, Segment.encode(segment), 0, 9, SIZE, "read");
        Throwable[] thrown = new Throwable[1];
        Thread reader = new Thread(() -> thrown[0] = assertThrows(Throwable.class, in::read));
        reader.start();
        reading.await();
        in.close();
        reader.join(10_000);
        assertInstanceOf(IOException.class, thrown[0]);
    }

    private InputStream open(int start, int end) {
        return SegmentStream.open(core, Segment.encode(segment), start, end, SIZE, "read of " + Failures.describe(segment));
    }
}
