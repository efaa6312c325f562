package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import javax.management.AttributeNotFoundException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MetricsTest {
    private static final String REQUESTS = "firnline_store_requests_total";

    private final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
    private MemoryCore core;
    private final FirnlineRemoteStorageManager manager =
            Fixtures.manager(settings -> core = new MemoryCore(settings));

    @AfterEach
    void stop() {
        manager.close();
    }

    @Test
    void lines_are_read_and_others_passed_over() {
        Map<Metrics.Series, Double> values = Metrics.parse("""
                # HELP something
                firnline_ready 1
                firnline_store_requests_total{kind="get",outcome="ok"} 12

                firnline_odd{a="x\\"y\\\\z, }",b=""} 0.5
                firnline_none
                firnline_bad value
                """);
        assertEquals(
                Map.of(
                        series("firnline_ready", Map.of()), 1.0,
                        series(REQUESTS, Map.of("kind", "get", "outcome", "ok")), 12.0,
                        series("firnline_odd", Map.of("a", "x\"y\\z, }", "b", "")), 0.5),
                values);
    }

    @Test
    void the_core_is_asked_once_a_second_and_its_last_word_stays() {
        AtomicLong clock = new AtomicLong();
        List<String> texts = new ArrayList<>(List.of("a 1", "a 2"));
        Metrics metrics = new Metrics(() -> texts.remove(0), clock::get);
        assertEquals(Map.of(series("a", Map.of()), 1.0), metrics.values());
        clock.set(999_999_999);
        assertEquals(Map.of(series("a", Map.of()), 1.0), metrics.values());
        clock.set(1_000_000_000);
        assertEquals(Map.of(series("a", Map.of()), 2.0), metrics.values());
        clock.set(5_000_000_000L);
        assertEquals(Map.of(series("a", Map.of()), 2.0), metrics.values());
    }

    @Test
    void beans_hold_the_names_and_labels_of_the_text() throws Exception {
        manager.configure(Map.of());
        core.metrics = "firnline_ready 1\n" + REQUESTS + "{kind=\"get\",outcome=\"ok\"} 12\n";
        ObjectName plain = new ObjectName("firnline.kafka.remote:type=metrics");
        assertEquals(1.0, server.getAttribute(plain, "firnline_ready"));
        assertEquals(List.of("firnline_ready"), attributes(plain));

        // Reading what there is has brought the new series up.
        ObjectName get = new ObjectName("firnline.kafka.remote:type=metrics,kind=get,outcome=ok");
        assertEquals(12.0, server.getAttribute(get, REQUESTS));
        assertEquals(1, server.getAttributes(get, new String[] {REQUESTS, "absent"}).size());
        assertThrows(AttributeNotFoundException.class, () -> server.getAttribute(get, "absent"));
        core.metrics = REQUESTS + "{kind=\"get\",outcome=\"ok\"} 13\n";
        assertEquals(13.0, server.getAttribute(get, REQUESTS));

        core.thrown = new OutOfMemoryError();
        assertEquals(13.0, server.getAttribute(get, REQUESTS));
        core.thrown = null;
    }

    @Test
    void labels_that_a_name_cannot_hold_are_quoted() throws Exception {
        manager.configure(Map.of());
        core.metrics = "firnline_x{why=\"a,b=c*\"} 3\n";
        attributes(new ObjectName("firnline.kafka.remote:type=metrics"));
        ObjectName name = new ObjectName("firnline.kafka.remote:type=metrics,why=" + ObjectName.quote("a,b=c*"));
        assertEquals(3.0, server.getAttribute(name, "firnline_x"));
    }

    @Test
    void nothing_is_left_after_the_close_and_a_second_instance_does_no_harm() throws Exception {
        ObjectName all = new ObjectName("firnline.kafka.remote:*");
        manager.configure(Map.of());
        FirnlineRemoteStorageManager second = Fixtures.manager(MemoryCore::new);
        second.configure(Map.of());
        second.close();
        assertEquals(1, server.queryNames(all, null).size());
        manager.close();
        assertTrue(server.queryNames(all, null).isEmpty());
        assertFalse(server.isRegistered(new ObjectName("firnline.kafka.remote:type=metrics")));
    }

    private List<String> attributes(ObjectName name) throws Exception {
        return List.of(server.getMBeanInfo(name).getAttributes()).stream().map(info -> info.getName()).toList();
    }

    private static Metrics.Series series(String name, Map<String, String> labels) {
        return new Metrics.Series(name, new TreeMap<>(labels));
    }
}
