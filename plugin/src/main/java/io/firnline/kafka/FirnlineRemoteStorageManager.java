package io.firnline.kafka;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata.CustomMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager;

/**
 * What the broker loads: arguments in, errors out, every decision in the core. Nothing but {@link RemoteStorageException}
 * and its kinds leaves a call. Segments that are not ours go to {@link PreviousManager}; new ones are always ours.
 */
public class FirnlineRemoteStorageManager implements RemoteStorageManager {
    private final Core.Opener opener;
    private final LongSupplier nanos;
    private volatile Running running;
    private boolean closed;

    public FirnlineRemoteStorageManager() {
        this(NativeCore::open, System::nanoTime);
    }

    /** @param nanos the clock, as {@code System::nanoTime} */
    FirnlineRemoteStorageManager(Core.Opener opener, LongSupplier nanos) {
        this.opener = opener;
        this.nanos = nanos;
    }

    /**
     * Once; a second time is refused, and what runs goes on.
     *
     * @throws ConfigException in one line, with every key that is wrong
     */
    @Override
    public synchronized void configure(Map<String, ?> configs) {
        if (running != null || closed) throw new ConfigException("Firnline was configured before");
        running = Running.start(configs, opener, nanos);
    }

    @Override
    public Optional<CustomMetadata> copyLogSegmentData(RemoteLogSegmentMetadata segment, LogSegmentData data)
            throws RemoteStorageException {
        return call("copy", segment, now -> Optional.of(new CustomMetadata(Copy.run(now.core(), segment, data))));
    }

    @Override
    public InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int start) throws RemoteStorageException {
        return call("fetch", segment, now -> now.route(
                segment,
                () -> fetch(now.core(), segment, start, Integer.MAX_VALUE),
                previous -> previous.fetchLogSegment(segment, start)));
    }

    @Override
    public InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int start, int end) throws RemoteStorageException {
        return call("fetch", segment, now -> now.route(
                segment,
                () -> fetch(now.core(), segment, start, end),
                previous -> previous.fetchLogSegment(segment, start, end)));
    }

    @Override
    public InputStream fetchIndex(RemoteLogSegmentMetadata segment, IndexType type) throws RemoteStorageException {
        return call("fetch of the " + type + " index", segment, now -> {
            try {
                return now.route(
                        segment, () -> index(now.core(), segment, type), previous -> previous.fetchIndex(segment, type));
            } catch (NativeFailure failure) {
                // "Not found" means to the broker that no transaction was aborted, and it would serve what was. That
                // may be said of a segment that has no such index, never of one that is not there.
                boolean mistakable = type == IndexType.TRANSACTION && failure.kind() == NativeFailure.NOT_FOUND;
                throw mistakable ? new NativeFailure(NativeFailure.OTHER, failure.getMessage()) : failure;
            }
        });
    }

    @Override
    public void deleteLogSegmentData(RemoteLogSegmentMetadata segment) throws RemoteStorageException {
        call("deletion", segment, now -> {
            now.delete(segment);
            return null;
        });
    }

    /** Streams that are open fail from here on. What cannot be closed is logged: a broker that stops can do no more. */
    @Override
    public synchronized void close() {
        closed = true;
        Running now = running;
        running = null;
        if (now != null) now.close();
    }

    /** The metrics, for {@link MonitoredRemoteStorageManager}; null while not configured. */
    Metrics metrics() {
        Running now = running;
        return now == null ? null : now.metrics();
    }

    private static InputStream fetch(Core core, RemoteLogSegmentMetadata segment, int start, int end) {
        int size = segment.segmentSizeInBytes();
        // Nothing is there to be read, and an empty stream would send the broker on to the next segment.
        if (start < 0 || start >= size || end < start) {
            throw new IllegalArgumentException("positions " + start + " to " + end + " of " + size + " bytes");
        }
        String what = "read of " + Failures.describe(segment);
        return SegmentStream.open(core, Segment.encode(segment), start, end, size, what);
    }

    /** Of all indexes only that of transactions may be absent. */
    private static InputStream index(Core core, RemoteLogSegmentMetadata segment, IndexType type)
            throws RemoteStorageException {
        byte[] bytes = core.index(Segment.encode(segment), number(type));
        if (bytes != null) return new ByteArrayInputStream(bytes);
        if (type == IndexType.TRANSACTION) {
            throw new RemoteResourceNotFoundException(Failures.describe(segment) + " has no transaction index");
        }
        throw new IllegalStateException("it has no " + type + " index");
    }

    private static int number(IndexType type) {
        return switch (type) {
            case OFFSET -> Core.OFFSET_INDEX;
            case TIMESTAMP -> Core.TIME_INDEX;
            case PRODUCER_SNAPSHOT -> Core.PRODUCER_SNAPSHOT;
            case TRANSACTION -> Core.TRANSACTION_INDEX;
            case LEADER_EPOCH -> Core.LEADER_EPOCHS;
        };
    }

    private <T> T call(String what, RemoteLogSegmentMetadata segment, Call<T> call) throws RemoteStorageException {
        try {
            Running now = running;
            if (now == null) throw new IllegalStateException("Firnline is not configured, or closed");
            return call.run(now);
        } catch (Throwable thrown) {
            throw Failures.of(thrown, what, segment);
        }
    }

    private interface Call<T> {
        T run(Running now) throws RemoteStorageException;
    }
}
