package io.firnline.kafka;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.Uuid;

/** A core that keeps segments in memory, with everything that a test may want to go wrong. */
final class MemoryCore implements Core {
    /** What the keys were, in turns. */
    final List<String> opened;

    final List<String> calls = new CopyOnWriteArrayList<>();
    final Map<Long, byte[]> copies = new ConcurrentHashMap<>();
    final Map<Long, ByteBuffer> streams = new ConcurrentHashMap<>();
    final Map<Uuid, byte[][]> stored = new ConcurrentHashMap<>();
    final AtomicInteger dropped = new AtomicInteger();
    final AtomicInteger closed = new AtomicInteger();

    /** Thrown by every call but the drops, where it is not null. */
    volatile Throwable thrown;

    /** How many turns a copy takes; below 0: it never ends. */
    volatile int turns;

    /** Thrown by dropCopy alone, where it is not null. */
    volatile Error undroppable;

    /** What read hands out at most, so that reads are short. */
    volatile int most = Integer.MAX_VALUE;

    /** Bytes that the store has lost of a segment's end. */
    volatile int lost;

    /** What is returned of a copy in the place of proper metadata. */
    volatile byte[] custom;

    volatile String metrics = "firnline_plugin_copies_total 0\n";

    private final AtomicLong handles = new AtomicLong();

    MemoryCore(Settings settings) {
        opened = settings.core();
    }

    static Uuid id(byte[] segment) {
        ByteBuffer bytes = ByteBuffer.wrap(segment);
        return new Uuid(bytes.getLong(17), bytes.getLong(25));
    }

    @Override
    public long startCopy(byte[] segment, String[] files, byte[] leaderEpochs) {
        fail("startCopy");
        byte[][] parts = new byte[6][];
        for (int i = 0; i < files.length; i++) parts[i] = read(files[i]);
        parts[5] = leaderEpochs;
        long copy = handles.incrementAndGet();
        copies.put(copy, custom != null ? custom : Fixtures.ours(parts[0].length));
        stored.put(id(segment), parts);
        return copy;
    }

    @Override
    public byte[] awaitCopy(long copy, int millis) {
        fail("awaitCopy");
        if (!copies.containsKey(copy)) throw new NativeFailure(NativeFailure.OTHER, "stale copy");
        if (turns != 0) {
            turns--;
            // A copy that "never ends" does after a while, so that a test of what should have ended it fails.
            if (turns < -3000) throw new AssertionError("nobody has ended the copy");
            LockSupport.parkNanos(1_000_000);
            return null;
        }
        return copies.get(copy);
    }

    @Override
    public void dropCopy(long copy) {
        calls.add("dropCopy");
        if (undroppable != null) throw undroppable;
        if (copies.remove(copy) == null) throw new NativeFailure(NativeFailure.OTHER, "stale copy");
    }

    @Override
    public long fetch(byte[] segment, int start, int end) {
        fail("fetch " + start + " " + end);
        byte[] log = found(segment)[0];
        int behind = end == Integer.MAX_VALUE ? log.length - lost : Math.min(end + 1, log.length - lost);
        long stream = handles.incrementAndGet();
        streams.put(stream, ByteBuffer.wrap(log, start, behind - start));
        return stream;
    }

    @Override
    public int read(long stream, byte[] into, int at, int length) {
        fail("read");
        ByteBuffer bytes = stream(stream);
        if (!bytes.hasRemaining()) return -1;
        int got = Math.min(Math.min(length, most), bytes.remaining());
        bytes.get(into, at, got);
        return got;
    }

    @Override
    public long skip(long stream, long bytes) {
        fail("skip");
        ByteBuffer at = stream(stream);
        int skipped = (int) Math.min(Math.min(bytes, most), at.remaining());
        at.position(at.position() + skipped);
        return skipped;
    }

    @Override
    public void dropStream(long stream) {
        if (streams.remove(stream) == null) throw new NativeFailure(NativeFailure.OTHER, "stale stream");
        dropped.incrementAndGet();
    }

    @Override
    public byte[] index(byte[] segment, int type) {
        fail("index " + type);
        // log, offset, time, transactions, snapshot, epochs: the order of the files is not that of the types.
        return found(segment)[new int[] {1, 2, 4, 3, 5}[type]];
    }

    @Override
    public boolean delete(byte[] segment) {
        fail("delete");
        return stored.remove(id(segment)) != null || Owner.of(custom(segment)) == Owner.OURS;
    }

    @Override
    public String metrics() {
        if (thrown != null) throw MemoryCore.<RuntimeException>sneak(thrown);
        return metrics;
    }

    @Override
    public void close() {
        closed.incrementAndGet();
        streams.clear();
        copies.clear();
    }

    private ByteBuffer stream(long stream) {
        ByteBuffer bytes = streams.get(stream);
        if (bytes == null) throw new NativeFailure(NativeFailure.OTHER, "stale stream");
        return bytes;
    }

    private byte[][] found(byte[] segment) {
        byte[][] parts = stored.get(id(segment));
        if (parts == null) throw new NativeFailure(NativeFailure.NOT_FOUND, "no object " + id(segment));
        return parts;
    }

    private static byte[] custom(byte[] segment) {
        ByteBuffer bytes = ByteBuffer.wrap(segment);
        int at = 73 + bytes.getInt(69) * 12;
        at += 2 + bytes.getShort(at);
        int length = bytes.getShort(at) & 0xFFFF;
        return length == 0xFFFF ? null : Arrays.copyOfRange(segment, at + 2, at + 2 + length);
    }

    private void fail(String call) {
        calls.add(call);
        if (thrown != null) throw MemoryCore.<RuntimeException>sneak(thrown);
    }

    @SuppressWarnings("unchecked") // native code can throw what it likes, whatever the signature says
    private static <T extends Throwable> T sneak(Throwable thrown) throws T {
        throw (T) thrown;
    }

    private static byte[] read(String file) {
        try {
            return file == null ? null : Files.readAllBytes(Path.of(file));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
