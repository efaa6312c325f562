package io.firnline.kafka;

import java.io.IOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentId;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata.CustomMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentState;

/** Segments as a broker describes them, and their files. */
final class Fixtures {
    static final Uuid TOPIC_ID = new Uuid(0x0123456789abcdefL, 0x1122334455667788L);

    private Fixtures() {}

    /** Without custom metadata. */
    static RemoteLogSegmentMetadata segment(int size) {
        return segment(Uuid.randomUuid(), size, null);
    }

    static RemoteLogSegmentMetadata segment(Uuid id, int size, byte[] custom) {
        return segment("orders", 3, id, 1000, 1999, size, Map.of(4, 900L, 7, 1500L), custom);
    }

    static RemoteLogSegmentMetadata with(RemoteLogSegmentMetadata segment, byte[] custom) {
        return segment(segment.remoteLogSegmentId().id(), segment.segmentSizeInBytes(), custom);
    }

    static RemoteLogSegmentMetadata segment(
            String topic, int partition, Uuid id, long start, long end, int size, Map<Integer, Long> epochs, byte[] custom) {
        TopicIdPartition of = new TopicIdPartition(TOPIC_ID, new TopicPartition(topic, partition));
        return new RemoteLogSegmentMetadata(
                new RemoteLogSegmentId(of, id),
                start,
                end,
                1_700_000_000_123L,
                5,
                1_700_000_001_456L,
                size,
                Optional.ofNullable(custom).map(CustomMetadata::new),
                RemoteLogSegmentState.COPY_SEGMENT_FINISHED,
                epochs);
    }

    /** Metadata as the core writes it for a segment of {@code size} bytes. */
    static byte[] ours(int size) {
        ByteBuffer ours = ByteBuffer.allocate(24)
                .put((byte) 1)
                .put((byte) 0)
                .putLong(size + 500L)
                .putLong(size)
                .putInt(0xCAFE);
        return ours.putShort(Owner.check(ours.array())).array();
    }

    /** A manager over what {@code opener} opens, to which a second passes whenever it looks at its clock. */
    static FirnlineRemoteStorageManager manager(Core.Opener opener) {
        AtomicLong clock = new AtomicLong();
        return new FirnlineRemoteStorageManager(opener, () -> clock.addAndGet(1_000_000_000L));
    }

    static Core core(InvocationHandler behaviour) {
        return (Core) Proxy.newProxyInstance(Core.class.getClassLoader(), new Class<?>[] {Core.class}, behaviour);
    }

    static byte[] bytes(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Files of a segment whose log is {@code log}; the epochs stand in the middle of a larger buffer. */
    static LogSegmentData files(Path dir, byte[] log, boolean transactions) throws IOException {
        ByteBuffer epochs = ByteBuffer.wrap("....0\n1\n4 900\n....".getBytes(StandardCharsets.US_ASCII));
        epochs.position(4).limit(14);
        return new LogSegmentData(
                Files.write(dir.resolve("1000.log"), log),
                Files.write(dir.resolve("1000.index"), bytes(16, 1)),
                Files.write(dir.resolve("1000.timeindex"), bytes(24, 2)),
                transactions ? Optional.of(Files.write(dir.resolve("1000.txnindex"), bytes(34, 3))) : Optional.empty(),
                Files.write(dir.resolve("2000.snapshot"), bytes(40, 4)),
                epochs);
    }

    /** What may come out of native code, class loading or a JVM in need: nothing of it may reach the broker. */
    static List<Throwable> throwables(String message) {
        try {
            // By name: it cannot be named without a warning since 20.
            Throwable death = (Throwable) Class.forName("java.lang.ThreadDeath").getConstructor().newInstance();
            return List.of(
                    new NativeFailure(NativeFailure.OTHER, message),
                    new NativeFailure(NativeFailure.TRY_AGAIN, null),
                    new NativeFailure(99, message),
                    new OutOfMemoryError(message),
                    new StackOverflowError(),
                    new InternalError(message),
                    new UnsatisfiedLinkError(message),
                    new NoClassDefFoundError(message),
                    new ExceptionInInitializerError(message),
                    new AssertionError(message),
                    death,
                    new Error(),
                    new IllegalStateException(message),
                    new NullPointerException(),
                    new InterruptedException(message));
        } catch (ReflectiveOperationException gone) {
            throw new AssertionError(gone);
        }
    }
}
