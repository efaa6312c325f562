package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SettingsTest {
    private final List<String> problems = new ArrayList<>();

    @Test
    void the_core_gets_what_is_not_the_shells_own() {
        Settings settings = of(Map.of("store.url", "s3://a/b", "broker.id", 3, "node.id", 3, "native.dir", "/var/lib/x"));
        assertEquals(List.of("broker.id", "3", "store.url", "s3://a/b"), settings.core());
        assertEquals(Path.of("/var/lib/x"), settings.nativeDir());
        assertNull(settings.nativeLibrary());
        assertNull(settings.previous());
        assertTrue(problems.isEmpty());
    }

    @Test
    void a_broker_that_tells_its_node_id_alone_is_known_by_it() {
        assertEquals(List.of("broker.id", "7"), of(Map.of("node.id", 7)).core());
    }

    @Test
    void keys_without_a_value_are_absent() {
        Map<String, Object> given = new HashMap<>();
        given.put("store.url", null);
        given.put("native.dir", null);
        given.put("previous.class.name", null);
        Settings settings = of(given);
        assertEquals(List.of(), settings.core());
        assertNull(settings.nativeDir());
        assertNull(settings.previous());
        assertTrue(problems.isEmpty());
    }

    @Test
    void the_previous_plugin_sees_its_keys_and_the_broker_as_it_was_told() {
        Settings settings = of(Map.of(
                "previous.class.name", "a.B",
                "previous.class.path", "/opt/b/*",
                "previous.config.dir", "/tier",
                "previous.config.previous.class.name", "nested",
                "broker.id", 3));
        assertEquals("a.B", settings.previous().className());
        assertEquals("/opt/b/*", settings.previous().classPath());
        assertEquals(Map.of("dir", "/tier", "previous.class.name", "nested", "broker.id", 3), settings.previous().config());
        assertEquals(List.of("broker.id", "3"), settings.core());
    }

    @Test
    void everything_that_is_wrong_is_told_at_once() {
        of(Map.of(
                "native.dir", "relative",
                "native.library", "/a\0b",
                "native.directory", "/x",
                "previous.klass", "a.B",
                "previous.config.dir", "/tier"));
        assertEquals(
                List.of(
                        "rsm.config.native.dir: relative is no absolute path",
                        "rsm.config.native.library: /a\0b is no absolute path",
                        "rsm.config.native.directory: there is no such key",
                        "rsm.config.previous.klass: there is no such key",
                        "rsm.config.previous.class.name: is missing beside the other keys of the previous plugin"),
                problems);
    }

    private Settings of(Map<String, ?> given) {
        return Settings.of(given, problems);
    }
}
