package other;

import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata.CustomMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager;

/**
 * A plugin of somebody else. Its test compiles it into a directory of its own, so that no other loader has it. It insists on
 * its context class loader everywhere, looks for a class by it only while it is read, and goes wrong when it is told to.
 */
public class OtherPlugin implements RemoteStorageManager {
    private Map<String, Object> config = Map.of();

    @Override
    public void configure(Map<String, ?> config) {
        check();
        this.config = new HashMap<>(config);
        if (config.containsKey("refuse")) throw new IllegalArgumentException("refused\nas told");
    }

    @Override
    public Optional<CustomMetadata> copyLogSegmentData(RemoteLogSegmentMetadata segment, LogSegmentData data) {
        throw new AssertionError("new copies are not ours");
    }

    @Override
    public InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int start) throws RemoteStorageException {
        return stream("fetch " + start);
    }

    @Override
    public InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int start, int end) throws RemoteStorageException {
        return stream("fetch " + start + " " + end);
    }

    @Override
    public InputStream fetchIndex(RemoteLogSegmentMetadata segment, IndexType type) throws RemoteStorageException {
        if (type == IndexType.TRANSACTION) throw new RemoteResourceNotFoundException("no transactions");
        return stream(type + " of broker " + config.get("broker.id"));
    }

    @Override
    public void deleteLogSegmentData(RemoteLogSegmentMetadata segment) throws RemoteStorageException {
        check();
        if ("gone".equals(config.get("delete"))) throw new RemoteResourceNotFoundException("gone");
        if ("error".equals(config.get("delete"))) throw new NoClassDefFoundError("somewhere");
    }

    @Override
    public void close() throws IOException {
        check();
        System.setProperty("other.plugin.closed", "true");
        if ("error".equals(config.get("close"))) throw new IOException("not closed");
    }

    private InputStream stream(String text) throws RemoteStorageException {
        check();
        if ("none".equals(config.get("stream"))) return null;
        if ("error".equals(config.get("stream"))) throw new OutOfMemoryError("heap");
        return new InputStream() {
            private final byte[] bytes = text.getBytes();
            private int at;

            @Override
            public int read() {
                check();
                if ("late".equals(config.get("stream"))) throw new LinkageError("late");
                load();
                return at == bytes.length ? -1 : bytes[at++];
            }

            @Override
            public int available() {
                check();
                return bytes.length - at;
            }

            @Override
            public void close() {
                check();
            }
        };
    }

    /** As a lazy plugin might: by the context class loader, at the first read. */
    private static void load() {
        try {
            Thread.currentThread().getContextClassLoader().loadClass("other.OtherPlugin");
        } catch (ClassNotFoundException wrong) {
            throw new AssertionError(wrong);
        }
    }

    private static void check() {
        ClassLoader context = Thread.currentThread().getContextClassLoader();
        if (context != OtherPlugin.class.getClassLoader()) throw new AssertionError("context class loader: " + context);
    }
}
