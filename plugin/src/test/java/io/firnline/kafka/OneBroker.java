package io.firnline.kafka;

import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.function.LongSupplier;
import javax.management.ObjectName;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager.IndexType;

/**
 * Every call once and every way to fail, in a class loader beside one broker's classes. It has no JUnit there. Gives back how
 * "try again" is told.
 */
public final class OneBroker implements BiFunction<Path, Runnable, String> {
    private static final int SIZE = 1000;

    private MemoryCore core;

    /** @param started is run when the manager is configured, before anything is called */
    @Override
    public String apply(Path dir, Runnable started) {
        try {
            return run(dir, started);
        } catch (Exception wrong) {
            throw new AssertionError(wrong);
        }
    }

    /** The manager for brokers since 4.1. By reflection: the interface that it has is not there to compile against. */
    public Object monitored() throws ReflectiveOperationException {
        Core.Opener opener = MemoryCore::new;
        LongSupplier clock = System::nanoTime;
        FirnlineRemoteStorageManager manager = (FirnlineRemoteStorageManager)
                Class.forName("io.firnline.kafka.MonitoredRemoteStorageManager")
                        .getDeclaredConstructor(Core.Opener.class, LongSupplier.class)
                        .newInstance(opener, clock);
        manager.configure(Map.of("broker.id", 1));
        return manager;
    }

    private String run(Path dir, Runnable started) throws Exception {
        FirnlineRemoteStorageManager manager = Fixtures.manager(settings -> core = new MemoryCore(settings));
        manager.configure(Map.of(
                "broker.id", 1,
                "previous.class.name", StubPrevious.class.getName(),
                "previous.class.path", System.getProperty("firnline.test.tests")));
        started.run();

        byte[] log = Fixtures.bytes(SIZE, 1);
        RemoteLogSegmentMetadata bare = Fixtures.segment(SIZE);
        byte[] custom = manager.copyLogSegmentData(bare, Fixtures.files(dir, log, true)).orElseThrow().value();
        RemoteLogSegmentMetadata ours = Fixtures.with(bare, custom);
        check(Arrays.equals(log, all(manager.fetchLogSegment(ours, 0))));
        check(Arrays.equals(Arrays.copyOfRange(log, 5, 10), all(manager.fetchLogSegment(ours, 5, 9))));
        check(Arrays.equals(Files.readAllBytes(dir.resolve("1000.index")), all(manager.fetchIndex(ours, IndexType.OFFSET))));
        for (IndexType type : IndexType.values()) check(all(manager.fetchIndex(ours, type)).length > 0);
        RemoteLogSegmentMetadata theirs = Fixtures.with(Fixtures.segment(SIZE), new byte[] {9});
        check(all(manager.fetchLogSegment(theirs, 0))[0] == 77);
        check(all(manager.fetchIndex(theirs, IndexType.OFFSET))[0] == 77);
        manager.deleteLogSegmentData(theirs);
        ManagementFactory.getPlatformMBeanServer()
                .getMBeanInfo(new ObjectName("firnline.kafka.remote:type=metrics"));

        InputStream in = manager.fetchLogSegment(ours, 0);
        String again = "";
        for (Throwable thrown : Fixtures.throwables("reason")) {
            core.thrown = thrown;
            RemoteStorageException told = failure(() -> manager.fetchLogSegment(ours, 0));
            if (thrown instanceof NativeFailure failure && failure.kind() == NativeFailure.TRY_AGAIN) {
                again = told.getClass().getSimpleName();
            }
            failure(() -> manager.copyLogSegmentData(bare, Fixtures.files(dir, log, true)));
        }
        check(again.length() > 0);
        try {
            in.read();
            check(false);
        } catch (IOException told) {
            core.thrown = null;
        }
        in.close();
        manager.deleteLogSegmentData(ours);
        check(failure(() -> manager.fetchLogSegment(ours, 0)) instanceof RemoteResourceNotFoundException);
        manager.close();
        return again;
    }

    private static RemoteStorageException failure(Callable<?> call) throws Exception {
        try {
            call.call();
        } catch (RemoteStorageException told) {
            return told;
        }
        throw new AssertionError("nothing was thrown");
    }

    private static byte[] all(InputStream in) throws IOException {
        try (in) {
            return in.readAllBytes();
        }
    }

    private static void check(boolean right) {
        if (!right) throw new AssertionError();
    }
}
