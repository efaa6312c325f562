package io.firnline.kafka;

import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager.IndexType;

/**
 * The plugin that the broker had before: what it has written, it reads and deletes. It lives in a class loader of its own,
 * which is the context class loader during its calls and, other than under the broker, during reads of its streams.
 */
final class PreviousManager {
    /** For {@code metrics}: how often something was passed on, by call. */
    private static final String CALLS = "firnline_plugin_previous_calls_total";

    private final RemoteStorageManager manager;
    private final ClassLoader loader;
    private final LongAdder fetches = new LongAdder();
    private final LongAdder indexes = new LongAdder();
    private final LongAdder deletes = new LongAdder();

    private PreviousManager(RemoteStorageManager manager, ClassLoader loader) {
        this.manager = manager;
        this.loader = loader;
    }

    /** @throws KafkaException in one line, naming the key that it comes from */
    static PreviousManager open(Settings.Previous settings) {
        // The broker's loader is its parent, not ours: it must not see our classes, nor we its.
        ClassLoader broker = RemoteStorageManager.class.getClassLoader();
        ClassLoader loader = broker;
        try {
            if (settings.classPath() != null) loader = new ChildFirstLoader(settings.classPath(), broker);
        } catch (IOException absent) {
            throw new KafkaException(Settings.PREFIX + "previous.class.path: " + absent.getMessage(), absent);
        }
        ClassLoader before = enter(loader);
        try {
            RemoteStorageManager manager = Class.forName(settings.className(), true, loader)
                    .asSubclass(RemoteStorageManager.class)
                    .getConstructor()
                    .newInstance();
            manager.configure(settings.config());
            return new PreviousManager(manager, loader);
        } catch (Throwable thrown) {
            leave(loader);
            throw new KafkaException(
                    Settings.PREFIX + "previous.class.name: " + settings.className() + " did not start: "
                            + Failures.oneLine(thrown),
                    thrown);
        } finally {
            enter(before);
        }
    }

    InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int start) throws RemoteStorageException {
        return stream(fetches, () -> manager.fetchLogSegment(segment, start));
    }

    InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int start, int end) throws RemoteStorageException {
        return stream(fetches, () -> manager.fetchLogSegment(segment, start, end));
    }

    InputStream fetchIndex(RemoteLogSegmentMetadata segment, IndexType type) throws RemoteStorageException {
        return stream(indexes, () -> manager.fetchIndex(segment, type));
    }

    /** What is not there is deleted: the plugin before may think otherwise, and would then hold up all later deletions. */
    void deleteLogSegmentData(RemoteLogSegmentMetadata segment) throws RemoteStorageException {
        deletes.increment();
        ClassLoader before = enter(loader);
        try {
            manager.deleteLogSegmentData(segment);
        } catch (RemoteResourceNotFoundException gone) {
            // Deleted before.
        } finally {
            enter(before);
        }
    }

    String metrics() {
        return CALLS + "{call=\"fetch\"} " + fetches + "\n"
                + CALLS + "{call=\"index\"} " + indexes + "\n"
                + CALLS + "{call=\"delete\"} " + deletes + "\n";
    }

    void close() throws IOException {
        ClassLoader before = enter(loader);
        try {
            manager.close();
        } finally {
            enter(before);
            leave(loader);
        }
    }

    private InputStream stream(LongAdder calls, Call call) throws RemoteStorageException {
        calls.increment();
        ClassLoader before = enter(loader);
        try {
            InputStream stream = call.run();
            if (stream == null) throw new RemoteStorageException(manager.getClass().getName() + " gave no stream");
            return new PreviousStream(stream, loader);
        } finally {
            enter(before);
        }
    }

    /** Makes {@code loader} the context class loader and gives back the one before. */
    static ClassLoader enter(ClassLoader loader) {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(loader);
        return before;
    }

    private static void leave(ClassLoader loader) {
        try {
            if (loader instanceof ChildFirstLoader own) own.close();
        } catch (IOException ignored) {
            // Its jars stay open until the process ends, which is about to happen anyway.
        }
    }

    private interface Call {
        InputStream run() throws RemoteStorageException;
    }
}
