package io.firnline.kafka;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What the broker passes to {@code configure}, sorted: a few keys are the shell's own, the rest goes to the core, which knows
 * what each of them means and refuses those it does not know.
 *
 * @param core keys and values for the core, in turns
 * @param nativeDir where the library is put; null: {@code java.io.tmpdir}
 * @param nativeLibrary a library to be loaded as it is; null: the one in the jar
 * @param previous another plugin, for what is not ours; null: none
 */
record Settings(List<String> core, Path nativeDir, Path nativeLibrary, Previous previous) {
    static final String PREFIX = "rsm.config.";

    private static final String BROKER_ID = "broker.id";
    private static final String NODE_ID = "node.id";
    private static final String NATIVE = "native.";
    private static final String NATIVE_DIR = "native.dir";
    private static final String NATIVE_LIBRARY = "native.library";
    private static final String PREVIOUS = "previous.";
    private static final String PREVIOUS_CLASS = "previous.class.name";
    private static final String PREVIOUS_PATH = "previous.class.path";
    private static final String PREVIOUS_CONFIG = "previous.config.";

    /**
     * @param classPath null: the broker's own
     * @param config what the other plugin gets to see, {@code broker.id} included
     */
    record Previous(String className, String classPath, Map<String, Object> config) {}

    /** @param problems gets a line for every key of the shell's that is wrong */
    static Settings of(Map<String, ?> given, List<String> problems) {
        List<String> core = new ArrayList<>();
        Map<String, String> own = new HashMap<>();
        Map<String, Object> previousConfig = new HashMap<>();
        // By name, so that complaints come in the same order each time.
        new TreeMap<>(given).forEach((key, value) -> {
            if (key.startsWith(PREVIOUS_CONFIG)) {
                previousConfig.put(key.substring(PREVIOUS_CONFIG.length()), value);
            } else if (value == null || key.equals(NODE_ID)) {
                // 4.4 tells the id under both names; the core knows the older one.
            } else if (key.startsWith(NATIVE) || key.startsWith(PREVIOUS)) {
                own.put(key, value.toString().trim());
            } else {
                core.add(key);
                core.add(value.toString());
            }
        });
        Object broker = given.get(BROKER_ID);
        if (broker == null && given.get(NODE_ID) != null) {
            core.add(BROKER_ID);
            core.add(given.get(NODE_ID).toString());
        }

        Path dir = path(NATIVE_DIR, own, problems);
        Path library = path(NATIVE_LIBRARY, own, problems);
        String className = own.remove(PREVIOUS_CLASS);
        String classPath = own.remove(PREVIOUS_PATH);
        for (String unknown : new TreeMap<>(own).keySet()) problems.add(PREFIX + unknown + ": there is no such key");
        if (className == null && (classPath != null || !previousConfig.isEmpty())) {
            problems.add(PREFIX + PREVIOUS_CLASS + ": is missing beside the other keys of the previous plugin");
        }
        Previous previous = null;
        if (className != null) {
            for (String id : List.of(BROKER_ID, NODE_ID)) {
                if (given.get(id) != null) previousConfig.put(id, given.get(id));
            }
            previous = new Previous(className, classPath, Map.copyOf(withoutNulls(previousConfig)));
        }
        return new Settings(List.copyOf(core), dir, library, previous);
    }

    private static Path path(String key, Map<String, String> own, List<String> problems) {
        String value = own.remove(key);
        if (value == null) return null;
        try {
            Path path = Path.of(value);
            if (path.isAbsolute()) return path;
        } catch (InvalidPathException unusable) {
            // No absolute path either.
        }
        problems.add(PREFIX + key + ": " + value + " is no absolute path");
        return null;
    }

    private static Map<String, Object> withoutNulls(Map<String, Object> config) {
        config.values().removeIf(value -> value == null);
        return config;
    }
}
