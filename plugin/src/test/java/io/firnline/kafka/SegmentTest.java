package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.junit.jupiter.api.Test;

class SegmentTest {
    private static final Uuid ID = new Uuid(0xfedcba9876543210L, 0x0f1e2d3c4b5a6978L);

    @Test
    void golden_bytes_are_what_is_encoded() throws IOException {
        List<String> golden = golden();
        assertEquals(4, golden.size());
        assertEquals(golden.get(0), hex(Fixtures.segment("orders", 3, ID, 1000, 1999, 1_000_000, Map.of(4, 900L), null)));
        assertEquals(
                golden.get(1),
                hex(Fixtures.segment(
                        "orders", 3, ID, 1000, 1999, 1_000_000, Map.of(7, 1500L, 4, 900L, 5, 1200L), Fixtures.ours(1_000_000))));
        assertEquals(
                golden.get(2),
                hex(Fixtures.segment(
                        "a.b_c-9", Integer.MAX_VALUE, ID, 0, Long.MAX_VALUE - 1, Integer.MAX_VALUE, Map.of(0, 0L), new byte[0])));
        assertEquals(golden.get(3), hex(Fixtures.segment("o", 0, ID, 5, 5, 1, Map.of(Integer.MAX_VALUE, 5L), new byte[] {9})));
    }

    @Test
    void every_part_comes_back() {
        Random random = new Random(20261130);
        for (int i = 0; i < 2000; i++) {
            TreeMap<Integer, Long> epochs = new TreeMap<>();
            for (int n = 1 + random.nextInt(20); n > 0; n--) epochs.put(random.nextInt(), random.nextLong());
            String topic = "t".repeat(random.nextInt(249)) + random.nextInt(1000);
            byte[] custom = random.nextInt(3) == 0 ? null : Fixtures.bytes(random.nextInt(129), i);
            long start = random.nextLong() >>> 2;
            long end = start + random.nextInt();
            RemoteLogSegmentMetadata segment;
            try {
                segment = Fixtures.segment(
                        topic, random.nextInt() >>> 1, Uuid.randomUuid(), start, end, random.nextInt() >>> 1, epochs, custom);
            } catch (IllegalArgumentException refusedByKafka) {
                continue;
            }
            assertSame(segment, ByteBuffer.wrap(Segment.encode(segment)));
        }
    }

    @Test
    void the_longest_topic_is_measured_in_bytes() {
        String topic = "ä".repeat(32_767);
        ByteBuffer bytes = ByteBuffer.wrap(Segment.encode(with(topic, new byte[0])));
        assertEquals(65_534, bytes.getShort(85) & 0xFFFF);
        assertThrows(IllegalArgumentException.class, () -> Segment.encode(with(topic + "ä", new byte[0])));
    }

    @Test
    void metadata_as_long_as_the_sign_for_none_is_refused() {
        ByteBuffer bytes = ByteBuffer.wrap(Segment.encode(with("o", new byte[65_534])));
        assertEquals(65_534, bytes.getShort(88) & 0xFFFF);
        assertThrows(IllegalArgumentException.class, () -> Segment.encode(with("o", new byte[65_535])));
    }

    private static void assertSame(RemoteLogSegmentMetadata expected, ByteBuffer bytes) {
        assertEquals(1, bytes.get());
        assertEquals(expected.topicIdPartition().topicId(), new Uuid(bytes.getLong(), bytes.getLong()));
        assertEquals(expected.remoteLogSegmentId().id(), new Uuid(bytes.getLong(), bytes.getLong()));
        assertEquals(expected.topicIdPartition().partition(), bytes.getInt());
        assertEquals(expected.startOffset(), bytes.getLong());
        assertEquals(expected.endOffset(), bytes.getLong());
        assertEquals(expected.segmentSizeInBytes(), bytes.getInt());
        assertEquals(expected.maxTimestampMs(), bytes.getLong());
        assertEquals(expected.brokerId(), bytes.getInt());
        TreeMap<Integer, Long> epochs = new TreeMap<>();
        for (int n = bytes.getInt(); n > 0; n--) epochs.put(bytes.getInt(), bytes.getLong());
        assertEquals(expected.segmentLeaderEpochs(), epochs);
        byte[] topic = new byte[bytes.getShort() & 0xFFFF];
        bytes.get(topic);
        assertEquals(expected.topicIdPartition().topic(), new String(topic, StandardCharsets.UTF_8));
        int length = bytes.getShort() & 0xFFFF;
        if (expected.customMetadata().isEmpty()) {
            assertEquals(0xFFFF, length);
        } else {
            byte[] custom = new byte[length];
            bytes.get(custom);
            assertArrayEquals(expected.customMetadata().get().value(), custom);
        }
        assertFalse(bytes.hasRemaining());
    }

    private static RemoteLogSegmentMetadata with(String topic, byte[] custom) {
        return Fixtures.segment(topic, 0, ID, 0, 1, 10, Map.of(0, 0L), custom);
    }

    private static String hex(RemoteLogSegmentMetadata segment) {
        return HexFormat.of().formatHex(Segment.encode(segment));
    }

    /** Lines of hex; those that begin with # say what the next one is. */
    private static List<String> golden() throws IOException {
        try (InputStream in = SegmentTest.class.getResourceAsStream("/segment-v1.hex")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.isBlank() && !line.startsWith("#"))
                    .toList();
        }
    }
}
