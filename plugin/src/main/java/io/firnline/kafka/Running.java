package io.firnline.kafka;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a configured manager has, and which of the two tiers a call is for.
 *
 * @param previous null: there is no other plugin
 */
record Running(Core core, PreviousManager previous, Metrics metrics, MetricsBeans beans) {
    private static final Logger LOG = LoggerFactory.getLogger(Running.class);

    interface Ours<T> {
        T run() throws RemoteStorageException;
    }

    interface Theirs<T> {
        T run(PreviousManager previous) throws RemoteStorageException;
    }

    /**
     * Starts everything or, leaving nothing behind, nothing.
     *
     * @throws ConfigException in one line, with what is wrong with every part
     */
    static Running start(Map<String, ?> configs, Core.Opener opener, LongSupplier nanos) {
        Classes.load();
        List<String> problems = new ArrayList<>();
        List<Throwable> causes = new ArrayList<>();
        Settings settings = Settings.of(configs, problems);
        Core core = attempt(() -> opener.open(settings), problems, causes);
        PreviousManager previous =
                settings.previous() == null ? null : attempt(() -> PreviousManager.open(settings.previous()), problems, causes);
        if (!problems.isEmpty()) {
            close(core, previous, null);
            ConfigException failure = new ConfigException("Firnline cannot start: " + String.join("; ", problems));
            causes.forEach(failure::addSuppressed);
            throw failure;
        }
        Metrics metrics =
                new Metrics(() -> core.metrics() + "\n" + (previous == null ? "" : previous.metrics()), nanos);
        if (previous != null) LOG.info("segments that Firnline has not written go to {}", settings.previous().className());
        return new Running(core, previous, metrics, new MetricsBeans(metrics));
    }

    /** A segment without custom metadata is looked for in our tier first: the clean-up of a failed copy has none. */
    <T> T route(RemoteLogSegmentMetadata segment, Ours<T> ours, Theirs<T> theirs) throws RemoteStorageException {
        Owner owner = Owner.of(Segment.custom(segment));
        if (owner == Owner.ANOTHER) return theirs.run(another());
        try {
            return ours.run();
        } catch (NativeFailure failure) {
            boolean elsewhere = owner == Owner.UNKNOWN && failure.kind() == NativeFailure.NOT_FOUND && previous != null;
            if (!elsewhere) throw failure;
            return theirs.run(previous);
        }
    }

    /** What is not there any more is deleted; one deletion that fails would hold up all later ones of its partition. */
    void delete(RemoteLogSegmentMetadata segment) throws RemoteStorageException {
        Owner owner = Owner.of(Segment.custom(segment));
        if (owner == Owner.ANOTHER) {
            another().deleteLogSegmentData(segment);
            return;
        }
        boolean gone;
        try {
            gone = core.delete(Segment.encode(segment));
        } catch (NativeFailure failure) {
            if (failure.kind() != NativeFailure.NOT_FOUND) throw failure;
            gone = false;
        }
        if (!gone && owner == Owner.UNKNOWN && previous != null) previous.deleteLogSegmentData(segment);
    }

    void close() {
        close(core, previous, beans);
    }

    /** Its bytes are somewhere, so that neither "not found" nor "deleted" would be true. */
    private PreviousManager another() {
        if (previous != null) return previous;
        throw new IllegalStateException("another plugin has written it; set " + Settings.PREFIX
                + "previous.class.name to that one, and its class path and config beside it");
    }

    private static void close(Core core, PreviousManager previous, MetricsBeans beans) {
        quietly("the metrics", () -> {
            if (beans != null) beans.close();
        });
        quietly("the core", () -> {
            if (core != null) core.close();
        });
        quietly("the previous plugin", () -> {
            if (previous != null) previous.close();
        });
    }

    private static <T> T attempt(Part<T> part, List<String> problems, List<Throwable> causes) {
        try {
            return part.start();
        } catch (NativeFailure | KafkaException told) {
            problems.add(Failures.oneLine(told.getMessage()));
            if (told.getCause() != null) causes.add(told.getCause());
        } catch (Throwable untold) {
            problems.add(Failures.oneLine(untold));
            causes.add(untold);
        }
        return null;
    }

    private static void quietly(String what, End end) {
        try {
            end.run();
        } catch (Throwable thrown) {
            LOG.warn("{} could not be closed", what, thrown);
        }
    }

    private interface Part<T> {
        T start();
    }

    private interface End {
        void run() throws Exception;
    }
}
