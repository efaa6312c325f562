package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** What the real library takes of the Java heap: a broker's garbage collector must not notice how much is tiered. */
@EnabledIfSystemProperty(named = "firnline.test.library", matches = ".+", disabledReason = "there is no library: -Dfirnline.native.dir=DIR")
class AllocationTest {
    private static final int BATCHES = 64;
    private static final long HEAP_A_GB = 16 << 20;

    @TempDir
    Path dir;

    @Test
    void copies_and_fetches_take_next_to_nothing_of_the_heap() throws Exception {
        FirnlineRemoteStorageManager manager = new FirnlineRemoteStorageManager();
        manager.configure(Map.of(
                "native.library", System.getProperty("firnline.test.library"),
                "native.dir", dir.toString(),
                "cluster.id", "a-cluster",
                "store.url", dir.resolve("tier").toString(),
                "broker.id", "5"));
        byte[] log = log();
        byte[] buffer = new byte[1 << 20];
        long copied = 0;
        long fetched = 0;
        // The first time classes are loaded and code is compiled.
        for (int round = 0; round < 3; round++) {
            Path files = Files.createDirectories(dir.resolve("files-" + round));
            LogSegmentData data = data(files, log);
            RemoteLogSegmentMetadata bare = segment(log.length, null);
            long before = allocated();
            byte[] custom = manager.copyLogSegmentData(bare, data).orElseThrow().value();
            copied = allocated() - before;
            RemoteLogSegmentMetadata segment =
                    Fixtures.segment("orders", 3, bare.remoteLogSegmentId().id(), 1000, 1000 + BATCHES - 1, log.length, epochs(), custom);
            before = allocated();
            int at = 0;
            // As brokers do it: a stream for each fetch.
            while (at < log.length) {
                try (InputStream in = manager.fetchLogSegment(segment, at)) {
                    int got = in.readNBytes(buffer, 0, Math.min(buffer.length, log.length - at));
                    if (round == 0) assertArrayEquals(Arrays.copyOfRange(log, at, at + got), Arrays.copyOf(buffer, got));
                    at += got;
                }
            }
            fetched = allocated() - before;
            assertEquals(log.length, at);
            manager.deleteLogSegmentData(segment);
        }
        manager.close();
        long most = log.length * HEAP_A_GB / 1_000_000_000L;
        System.out.printf("heap for %d bytes: %d copied, %d fetched, at most %d%n", log.length, copied, fetched, most);
        assertTrue(copied <= most && fetched <= most, copied + " bytes of the heap to copy, " + fetched + " to fetch, at most " + most);
    }

    private static Map<Integer, Long> epochs() {
        return Map.of(7, 1000L);
    }

    private static RemoteLogSegmentMetadata segment(int size, byte[] custom) {
        return Fixtures.segment("orders", 3, Uuid.randomUuid(), 1000, 1000 + BATCHES - 1, size, epochs(), custom);
    }

    private static long allocated() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        return threads.getThreadAllocatedBytes(Thread.currentThread().getId());
    }

    /** Batches of a record of a MiB each. */
    private static byte[] log() {
        ByteBuffer all = ByteBuffer.allocate(BATCHES * ((1 << 20) + 200));
        for (int batch = 0; batch < BATCHES; batch++) {
            SimpleRecord record = new SimpleRecord(1_700_000_000_000L + batch, Fixtures.bytes(1 << 20, batch));
            all.put(MemoryRecords.withRecords(1000 + batch, Compression.NONE, 7, record).buffer());
        }
        return Arrays.copyOf(all.array(), all.position());
    }

    private static LogSegmentData data(Path dir, byte[] log) throws Exception {
        ByteBuffer none = ByteBuffer.allocate(10).putShort((short) 1);
        CRC32C crc = new CRC32C();
        crc.update(none.array(), 6, 4);
        none.putInt((int) crc.getValue());
        return new LogSegmentData(
                Files.write(dir.resolve("1000.log"), log),
                Files.write(dir.resolve("1000.index"), new byte[0]),
                Files.write(dir.resolve("1000.timeindex"), new byte[0]),
                Optional.empty(),
                Files.write(dir.resolve("1064.snapshot"), none.array()),
                ByteBuffer.wrap("0\n1\n7 1000\n".getBytes(StandardCharsets.US_ASCII)));
    }
}
