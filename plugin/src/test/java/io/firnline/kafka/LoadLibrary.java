package io.firnline.kafka;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Loads the library as the manager does, in the class loader that has loaded this class; tells nothing, or why not. */
public final class LoadLibrary implements Function<Map<String, ?>, String> {
    @Override
    public String apply(Map<String, ?> config) {
        try {
            List<String> problems = new ArrayList<>();
            NativeLibrary.load(Settings.of(config, problems));
            return problems.toString();
        } catch (RuntimeException refused) {
            return refused.getMessage();
        }
    }

    public static void main(String[] arguments) {
        System.out.println(new LoadLibrary().apply(Map.of(arguments[0], arguments[1])));
    }
}
