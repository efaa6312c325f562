package io.firnline.kafka;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata.CustomMetadata;

/**
 * A segment's metadata as the bytes that cross the border, big-endian:
 *
 * <pre>
 * version 1        1    size                  4
 * topic id        16    max timestamp         8
 * segment id      16    broker                4
 * partition        4    leader epochs: count  4, then each: epoch 4, start offset 8
 * start offset     8    topic: length         2, UTF-8
 * end offset       8    custom metadata: length 2 (65535: none), bytes
 * </pre>
 *
 * {@code src/test/resources/segment-v1.hex} has golden bytes; the native side reads the same file in its tests.
 */
final class Segment {
    static final byte VERSION = 1;

    private static final int NO_METADATA = 0xFFFF;
    private static final int FIXED = 1 + 16 + 16 + 4 + 8 + 8 + 4 + 8 + 4 + 4 + 2 + 2;
    private static final int EPOCH = 4 + 8;

    private Segment() {}

    /** @throws IllegalArgumentException where a part is missing or longer than its length can say */
    static byte[] encode(RemoteLogSegmentMetadata metadata) {
        TopicIdPartition partition = metadata.topicIdPartition();
        byte[] topic = partition.topic().getBytes(StandardCharsets.UTF_8);
        if (topic.length > 0xFFFF) throw new IllegalArgumentException("the topic's name has " + topic.length + " bytes");
        byte[] custom = custom(metadata);
        if (custom != null && custom.length >= NO_METADATA) {
            throw new IllegalArgumentException("the custom metadata has " + custom.length + " bytes");
        }
        Map<Integer, Long> epochs = metadata.segmentLeaderEpochs();
        int length = FIXED + epochs.size() * EPOCH + topic.length + (custom == null ? 0 : custom.length);

        ByteBuffer bytes = ByteBuffer.allocate(length);
        bytes.put(VERSION);
        put(bytes, partition.topicId());
        put(bytes, metadata.remoteLogSegmentId().id());
        bytes.putInt(partition.partition());
        bytes.putLong(metadata.startOffset());
        bytes.putLong(metadata.endOffset());
        bytes.putInt(metadata.segmentSizeInBytes());
        bytes.putLong(metadata.maxTimestampMs());
        bytes.putInt(metadata.brokerId());
        bytes.putInt(epochs.size());
        epochs.forEach((epoch, start) -> bytes.putInt(epoch).putLong(start));
        bytes.putShort((short) topic.length).put(topic);
        bytes.putShort((short) (custom == null ? NO_METADATA : custom.length));
        if (custom != null) bytes.put(custom);
        if (bytes.hasRemaining()) throw new IllegalStateException(bytes.remaining() + " bytes were left unwritten");
        return bytes.array();
    }

    /** The custom metadata, null where there is none: so it is for the clean-up of a failed copy. */
    static byte[] custom(RemoteLogSegmentMetadata metadata) {
        return metadata.customMetadata().map(CustomMetadata::value).orElse(null);
    }

    private static void put(ByteBuffer bytes, Uuid id) {
        bytes.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
    }
}
