package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class OwnerTest {
    @Test
    void ours_with_and_without_an_origin() {
        assertEquals(Owner.OURS, Owner.of(Fixtures.ours(1)));
        assertEquals(Owner.OURS, Owner.of(Fixtures.ours(Integer.MAX_VALUE)));
        assertEquals(Owner.OURS, Owner.of(Arrays.copyOf(Fixtures.ours(1000), 58)));
    }

    @Test
    void nobody_has_said() {
        assertEquals(Owner.UNKNOWN, Owner.of(null));
    }

    @Test
    void ours_cut_at_every_length_is_another() {
        byte[] ours = Arrays.copyOf(Fixtures.ours(1000), 58);
        for (int length = 0; length < 58; length++) {
            Owner expected = length == 22 ? Owner.OURS : Owner.ANOTHER;
            assertEquals(expected, Owner.of(Arrays.copyOf(ours, length)), "length " + length);
        }
        assertEquals(Owner.ANOTHER, Owner.of(Arrays.copyOf(ours, 59)));
    }

    @Test
    void another_version_is_another() {
        for (int version = 0; version < 256; version++) {
            byte[] custom = Fixtures.ours(1000);
            custom[0] = (byte) version;
            assertEquals(version == 1 ? Owner.OURS : Owner.ANOTHER, Owner.of(custom));
        }
    }

    @Test
    void lengths_that_cannot_be_are_another() {
        for (long[] bad : new long[][] {{0, 0}, {-1, 0}, {10, 10}, {10, -1}, {1L << 40, 5}, {10, Long.MIN_VALUE}}) {
            byte[] custom = Fixtures.ours(1000);
            ByteBuffer.wrap(custom).putLong(1, bad[0]).putLong(9, bad[1]);
            assertEquals(Owner.ANOTHER, Owner.of(custom), Arrays.toString(bad));
        }
    }

    /** Kafka's tagged fields: how many, then for each its tag, length and bytes. With one field the first byte is ours, too. */
    @Test
    void one_tagged_field_of_any_length_is_another() {
        for (int tag = 0; tag < 3; tag++) {
            for (int length = 0; length < 120; length++) {
                byte[] field = "a".repeat(length).getBytes(StandardCharsets.US_ASCII);
                ByteBuffer custom = ByteBuffer.allocate(3 + length).put((byte) 1).put((byte) tag).put((byte) length).put(field);
                assertEquals(Owner.ANOTHER, Owner.of(custom.array()), "tag " + tag + " length " + length);
            }
        }
    }
}
