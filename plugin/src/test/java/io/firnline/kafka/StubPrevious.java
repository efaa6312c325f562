package io.firnline.kafka;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata.CustomMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager;

/** A previous plugin that has every segment, with one byte in it. */
public final class StubPrevious implements RemoteStorageManager {
    /** It lives beside the broker, not beside us. */
    @Override
    public void configure(Map<String, ?> config) {
        try {
            Class.forName("io.firnline.kafka.Segment");
            throw new AssertionError("a class of Firnline's is seen");
        } catch (ClassNotFoundException right) {
            // As it should be.
        }
    }

    @Override
    public Optional<CustomMetadata> copyLogSegmentData(RemoteLogSegmentMetadata segment, LogSegmentData data) {
        return Optional.empty();
    }

    @Override
    public InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int start) {
        return new ByteArrayInputStream(new byte[] {77});
    }

    @Override
    public InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int start, int end) {
        return fetchLogSegment(segment, start);
    }

    @Override
    public InputStream fetchIndex(RemoteLogSegmentMetadata segment, IndexType type) {
        return fetchLogSegment(segment, 0);
    }

    @Override
    public void deleteLogSegmentData(RemoteLogSegmentMetadata segment) {}

    @Override
    public void close() {}
}
