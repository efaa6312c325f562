package io.firnline.kafka;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One copy, begun and awaited in turns: the broker interrupts the thread when leadership goes. The copy is then dropped and
 * the flag left set, because the broker's own loops look at it.
 */
final class Copy {
    private static final Logger LOG = LoggerFactory.getLogger(Copy.class);

    /** How late an interrupt may be noticed. */
    private static final int TURN_MILLIS = 100;

    private Copy() {}

    /** Returns the custom metadata. */
    static byte[] run(Core core, RemoteLogSegmentMetadata segment, LogSegmentData data) throws RemoteStorageException {
        byte[] encoded = Segment.encode(segment);
        String[] files = {
            name(data.logSegment()),
            name(data.offsetIndex()),
            name(data.timeIndex()),
            name(data.transactionIndex().orElse(null)),
            name(data.producerSnapshotIndex())
        };
        byte[] epochs = rest(data.leaderEpochIndex());

        stopWhereInterrupted(segment);
        long copy = core.startCopy(encoded, files, epochs);
        try {
            byte[] custom = core.awaitCopy(copy, TURN_MILLIS);
            while (custom == null) {
                stopWhereInterrupted(segment);
                custom = core.awaitCopy(copy, TURN_MILLIS);
            }
            // Later calls go by it; and one that the broker finds too long would end the copying of the partition.
            if (Owner.of(custom) != Owner.OURS) {
                throw new IllegalStateException("the core told " + custom.length + " bytes of custom metadata that is not ours");
            }
            return custom;
        } finally {
            drop(core, copy);
        }
    }

    private static void stopWhereInterrupted(RemoteLogSegmentMetadata segment) throws RemoteStorageException {
        if (Thread.currentThread().isInterrupted()) {
            throw new RemoteStorageException("copy of " + Failures.describe(segment) + ": was interrupted");
        }
    }

    private static void drop(Core core, long copy) {
        try {
            core.dropCopy(copy);
        } catch (Throwable thrown) {
            // It must hide neither what the copy has come to nor why it failed.
            LOG.warn("a copy could not be dropped: {}", Failures.oneLine(thrown));
        }
    }

    /** Of the broker's own buffer: neither is its position ours to move nor its whole array to be read. */
    private static byte[] rest(ByteBuffer buffer) {
        ByteBuffer own = buffer.duplicate();
        byte[] bytes = new byte[own.remaining()];
        own.get(bytes);
        return bytes;
    }

    private static String name(Path path) {
        return path == null ? null : path.toAbsolutePath().toString();
    }
}
