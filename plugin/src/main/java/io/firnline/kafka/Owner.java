package io.firnline.kafka;

import java.nio.ByteBuffer;

/**
 * Whose a segment is, by its custom metadata alone. The first byte does not say enough: other plugins begin with 1, too
 * (Kafka's tagged fields begin with their count). So all that can be wrong is looked at:
 *
 * <pre>
 * version 1 = 1    stored length 8    tail position 8    CRC32C 4    flags 1
 * and for a segment of another topic id: topic id 16, partition 4, segment id 16
 * </pre>
 */
enum Owner {
    OURS,
    ANOTHER,
    /** There is no custom metadata: the clean-up of a failed copy of ours, or a plugin that writes none. */
    UNKNOWN;

    /** What a broker takes is 128 bytes, beyond which it ends the copying of the partition. */
    static final int LENGTH = 1 + 8 + 8 + 4 + 1;

    static final int LENGTH_WITH_ORIGIN = LENGTH + 16 + 4 + 16;

    private static final byte VERSION = 1;

    /** A broker's segment is below 2 GiB; no object is ever a thousand times that. */
    private static final long STORED_MAX = 1L << 40;

    static Owner of(byte[] custom) {
        if (custom == null) return UNKNOWN;
        if (custom.length != LENGTH && custom.length != LENGTH_WITH_ORIGIN) return ANOTHER;
        ByteBuffer bytes = ByteBuffer.wrap(custom);
        if (bytes.get() != VERSION) return ANOTHER;
        long stored = bytes.getLong();
        long tail = bytes.getLong();
        return 0 < stored && stored < STORED_MAX && 0 <= tail && tail < stored ? OURS : ANOTHER;
    }
}
