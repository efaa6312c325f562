package io.firnline.kafka;

import java.io.IOException;
import java.lang.reflect.Constructor;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;

/**
 * What leaves a call in the place of what was thrown inside. An {@code Error} out of a copy would end the copying of that
 * partition until the next change of leaders, because the broker catches {@code Exception} alone; so nothing is let
 * through, {@code ThreadDeath} included: whoever stops threads of a running broker cannot mean the state that it leaves.
 */
final class Failures {
    /** Made ahead: there may be no memory for another one when they are needed. */
    private static final RemoteStorageException LAST_RESORT =
            new RemoteStorageException("firnline: a call failed, and so did telling of it; most likely memory has run out");

    private static final IOException LAST_RESORT_OF_READS =
            new IOException("firnline: a read failed, and so did telling of it; most likely memory has run out");

    /** Brokers have it since 4.2; null on older ones, where its parent is thrown. */
    private static final Constructor<? extends RemoteStorageException> RETRIABLE = retriable();

    private Failures() {}

    /** Never throws; what is a {@link RemoteStorageException} already is left as it is. */
    static RemoteStorageException of(Throwable thrown, String call, RemoteLogSegmentMetadata segment) {
        if (thrown instanceof RemoteStorageException known) return known;
        try {
            String what = call + " of " + describe(segment) + ": ";
            if (!(thrown instanceof NativeFailure failure)) return new RemoteStorageException(what + oneLine(thrown), thrown);
            String message = what + oneLine(failure.getMessage());
            return switch (failure.kind()) {
                case NativeFailure.NOT_FOUND -> new RemoteResourceNotFoundException(message);
                case NativeFailure.TRY_AGAIN -> again(message);
                default -> new RemoteStorageException(message);
            };
        } catch (Throwable again) {
            return LAST_RESORT;
        }
    }

    /** The same for reads of a stream. Never throws. */
    static IOException ofRead(Throwable thrown, String what) {
        if (thrown instanceof IOException known) return known;
        try {
            if (thrown instanceof NativeFailure failure) return new IOException(what + ": " + oneLine(failure.getMessage()));
            return new IOException(what + ": " + oneLine(thrown), thrown);
        } catch (Throwable again) {
            return LAST_RESORT_OF_READS;
        }
    }

    /** Which segment, for messages. */
    static String describe(RemoteLogSegmentMetadata segment) {
        if (segment == null) return "no segment";
        return "segment " + segment.remoteLogSegmentId().id() + " of " + segment.topicIdPartition() + " (offsets "
                + segment.startOffset() + " to " + segment.endOffset() + ")";
    }

    static String oneLine(Throwable thrown) {
        String message = thrown.getMessage();
        String type = thrown.getClass().getSimpleName();
        return message == null ? type : type + ": " + oneLine(message);
    }

    static String oneLine(String message) {
        return message == null ? "no reason was told" : message.strip().replaceAll("\\s*\\R\\s*", "; ");
    }

    private static RemoteStorageException again(String message) throws ReflectiveOperationException {
        return RETRIABLE == null ? new RemoteStorageException(message) : RETRIABLE.newInstance(message);
    }

    private static Constructor<? extends RemoteStorageException> retriable() {
        String name = RemoteStorageException.class.getPackageName() + ".RetriableRemoteStorageException";
        try {
            // The loader of its parent: ours is child-first, the broker's classes are the broker's.
            return Class.forName(name, true, RemoteStorageException.class.getClassLoader())
                    .asSubclass(RemoteStorageException.class)
                    .getConstructor(String.class);
        } catch (ReflectiveOperationException | LinkageError | ClassCastException absent) {
            return null;
        }
    }
}
