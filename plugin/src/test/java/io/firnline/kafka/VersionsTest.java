package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The same class files beside the classes of each broker, loaded as a broker loads them: child first. */
class VersionsTest {
    private static final Path BROKERS = Path.of(System.getProperty("firnline.test.brokers"));
    private static final Path CLASSES = Path.of(System.getProperty("firnline.test.classes"));
    private static final String TESTS = System.getProperty("firnline.test.tests");

    @TempDir
    Path dir;

    @ParameterizedTest
    @ValueSource(strings = {"3.9.1", "4.0.2", "4.1.2"})
    void older_brokers_know_no_second_try(String version) throws Exception {
        assertEquals("RemoteStorageException", run(version));
    }

    @ParameterizedTest
    @ValueSource(strings = {"4.2.1", "4.3.1", "4.4.0"})
    void newer_brokers_are_told_to_try_again(String version) throws Exception {
        assertEquals("RetriableRemoteStorageException", run(version));
    }

    @ParameterizedTest
    @ValueSource(strings = {"3.9.1", "4.0.2"})
    void the_monitored_class_is_for_brokers_that_monitor(String version) throws Exception {
        try (ChildFirstLoader plugin = new ChildFirstLoader(classPath(), broker(version))) {
            Class<?> one = plugin.loadClass(OneBroker.class.getName());
            Object made = one.getConstructor().newInstance();
            Throwable told = assertThrows(Exception.class, () -> one.getMethod("monitored").invoke(made)).getCause();
            assertEquals("NoClassDefFoundError: org/apache/kafka/common/metrics/Monitorable", Failures.oneLine(told));
        }
    }

    /** On the broker's own class path, by the broker's own code. */
    @ParameterizedTest
    @ValueSource(strings = {"4.1.2", "4.2.1", "4.3.1", "4.4.0"})
    void brokers_that_monitor_show_the_metrics_among_their_own(String version) throws Exception {
        List<URL> urls = new ArrayList<>(urls(version));
        for (String part : classPath().split(File.pathSeparator)) urls.add(Path.of(part).toUri().toURL());
        try (URLClassLoader broker = new URLClassLoader(urls.toArray(new URL[0]), ClassLoader.getPlatformClassLoader())) {
            Class<?> one = broker.loadClass(OneBroker.class.getName());
            Object manager = one.getMethod("monitored").invoke(one.getConstructor().newInstance());
            Class<?> metricsClass = broker.loadClass("org.apache.kafka.common.metrics.Metrics");
            Object metrics = metricsClass.getConstructor().newInstance();
            AutoCloseable plugin = (AutoCloseable) broker.loadClass("org.apache.kafka.common.internals.Plugin")
                    .getMethod("wrapInstance", Object.class, metricsClass, String.class)
                    .invoke(null, manager, metrics, "remote.log.storage.manager.class.name");
            assertTrue(names(metrics).contains("group=plugins"), names(metrics));
            assertTrue(names(metrics).contains("firnline_plugin_copies_total"), names(metrics));
            plugin.close();
            assertTrue(!names(metrics).contains("firnline_plugin_copies_total"), names(metrics));
        }
    }

    private static String names(Object metrics) throws ReflectiveOperationException {
        return ((Map<?, ?>) metrics.getClass().getMethod("metrics").invoke(metrics)).keySet().toString();
    }

    /** Nothing of ours is loaded once the manager has started: by then the jar may be another one. */
    private String run(String version) throws Exception {
        try (Recording plugin = new Recording(broker(version))) {
            @SuppressWarnings("unchecked") // of a class that this loader has loaded anew
            BiFunction<Path, Runnable, String> one = (BiFunction<Path, Runnable, String>)
                    plugin.loadClass(OneBroker.class.getName()).getConstructor().newInstance();
            String told = one.apply(dir, plugin.late::clear);
            assertEquals(List.of(), List.copyOf(plugin.late));
            return told;
        }
    }

    private static String classPath() {
        return CLASSES + File.pathSeparator + TESTS;
    }

    /** What a broker has, and nothing of ours. */
    private static ClassLoader broker(String version) throws IOException {
        return new URLClassLoader(urls(version).toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
    }

    private static List<URL> urls(String version) throws IOException {
        List<URL> urls = new ArrayList<>();
        try (Stream<Path> jars = Files.list(BROKERS.resolve(version))) {
            for (Path jar : jars.toList()) urls.add(jar.toUri().toURL());
        }
        assertEquals(2, urls.size());
        for (String part : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (part.contains("slf4j")) urls.add(Path.of(part).toUri().toURL());
        }
        return urls;
    }

    private static final class Recording extends ChildFirstLoader {
        final ConcurrentSkipListSet<String> late = new ConcurrentSkipListSet<>();

        Recording(ClassLoader broker) throws IOException {
            super(classPath(), broker);
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            Class<?> found = super.findClass(name);
            if (Files.exists(CLASSES.resolve(name.replace('.', '/') + ".class"))) late.add(name);
            return found;
        }
    }
}
