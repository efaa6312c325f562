package io.firnline.kafka;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Whose a segment is, by its custom metadata alone. The first byte does not say enough: other plugins begin with 1, too
 * (Kafka's tagged fields begin with their count). So length and checksum are looked at; docs/formats/custom-metadata.md has
 * the whole:
 *
 * <pre>
 * version 1 = 1    flags 1    stored length 8    tail position 8    CRC32C 4
 * with flag 2, of an attached bucket: topic id 16, partition 4, segment id 16, leader epoch 4
 * the lower half of the CRC32C of all before it: 2
 * </pre>
 */
enum Owner {
    OURS,
    ANOTHER,
    /** There is no custom metadata: the clean-up of a failed copy of ours, or a plugin that writes none. */
    UNKNOWN;

    private static final byte VERSION = 1;
    private static final int KNOWN_FLAGS = 3;
    private static final int HAS_ORIGIN = 2;
    private static final int LENGTH = 1 + 1 + 8 + 8 + 4 + 2;
    private static final int ORIGIN = 16 + 4 + 16 + 4;

    static Owner of(byte[] custom) {
        if (custom == null) return UNKNOWN;
        if (custom.length < LENGTH || custom[0] != VERSION || (custom[1] & ~KNOWN_FLAGS) != 0) return ANOTHER;
        int length = LENGTH + ((custom[1] & HAS_ORIGIN) != 0 ? ORIGIN : 0);
        if (custom.length != length) return ANOTHER;
        return check(custom) == ByteBuffer.wrap(custom).getShort(length - 2) ? OURS : ANOTHER;
    }

    /** Of all but the last two bytes. */
    static short check(byte[] custom) {
        CRC32C crc = new CRC32C();
        crc.update(custom, 0, custom.length - 2);
        return (short) crc.getValue();
    }
}
