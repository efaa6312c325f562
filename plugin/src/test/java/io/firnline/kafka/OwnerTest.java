package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class OwnerTest {
    /** As the native side's golden bytes, without and with an origin. */
    private static final byte[] PLAIN = HexFormat.of().parseHex("010000000000010203040000000001020000deadbeef69cd");

    private static final byte[] ATTACHED = HexFormat.of().parseHex("010300000000010203040000000001020000deadbeef"
            + "aa".repeat(16) + "00000007" + "bb".repeat(16) + "0000000cf9e0");

    @Test
    void ours_with_and_without_an_origin() {
        assertEquals(Owner.OURS, Owner.of(PLAIN));
        assertEquals(Owner.OURS, Owner.of(ATTACHED));
        assertEquals(Owner.OURS, Owner.of(Fixtures.ours(Integer.MAX_VALUE)));
    }

    @Test
    void nobody_has_said() {
        assertEquals(Owner.UNKNOWN, Owner.of(null));
    }

    @Test
    void ours_cut_at_every_length_or_with_any_bit_changed_is_another() {
        for (byte[] ours : new byte[][] {PLAIN, ATTACHED}) {
            for (int length = 0; length <= ours.length + 1; length++) {
                Owner expected = length == ours.length ? Owner.OURS : Owner.ANOTHER;
                assertEquals(expected, Owner.of(Arrays.copyOf(ours, length)), "length " + length);
            }
            for (int bit = 0; bit < ours.length * 8; bit++) {
                byte[] changed = ours.clone();
                changed[bit / 8] ^= (byte) (1 << bit % 8);
                assertEquals(Owner.ANOTHER, Owner.of(changed), "bit " + bit);
            }
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
