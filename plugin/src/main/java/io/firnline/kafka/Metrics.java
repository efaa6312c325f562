package io.firnline.kafka;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The metrics, as the core's text tells them: {@code name value} or {@code name{label="value",…} value} a line, names and
 * labels as in docs/metrics.md. The text is asked for once a second at most, because a reader of JMX asks for each value
 * by itself.
 */
final class Metrics {
    private static final long FRESH_NANOS = 1_000_000_000L;
    private static final Pattern LINE = Pattern.compile("(\\w+)(?:\\{(.*)})?\\s+(\\S+)");
    private static final Pattern LABEL = Pattern.compile("(\\w+)=\"((?:[^\"\\\\]|\\\\.)*)\"");

    /** One name with one set of labels. */
    record Series(String name, SortedMap<String, String> labels) {}

    private final Supplier<String> text;
    private final LongSupplier nanos;
    private final List<Consumer<Series>> listeners = new ArrayList<>();
    private final Set<Series> told = new HashSet<>();

    private Map<Series, Double> values = Map.of();
    private long readAt;
    private boolean readOnce;

    /** @param nanos the clock, as {@code System::nanoTime} */
    Metrics(Supplier<String> text, LongSupplier nanos) {
        this.text = text;
        this.nanos = nanos;
    }

    /** The values of now, or of the last second. Where the core does not answer, those it told last. */
    synchronized Map<Series, Double> values() {
        long now = nanos.getAsLong();
        if (!readOnce || now - readAt >= FRESH_NANOS) {
            readOnce = true;
            readAt = now;
            try {
                values = parse(text.get());
            } catch (RuntimeException | Error unanswered) {
                // A reader of metrics is not whom to tell; calls fail by themselves.
            }
        }
        return values;
    }

    /** Has {@code listener} called for each series there is, and for others when {@link #tellNew} finds them. */
    synchronized void listen(Consumer<Series> listener) {
        tellNew();
        // A copy, because JMX asks a bean what it has while it is registered, and that may find new ones.
        List.copyOf(told).forEach(listener);
        listeners.add(listener);
    }

    /** Not to be called by whoever holds a lock of the broker's metrics, which listeners may want. */
    synchronized void tellNew() {
        for (Series series : values().keySet()) {
            if (told.add(series)) listeners.forEach(listener -> listener.accept(series));
        }
    }

    static Map<Series, Double> parse(String text) {
        Map<Series, Double> values = new LinkedHashMap<>();
        text.lines().forEach(line -> {
            Matcher parts = LINE.matcher(line.strip());
            if (!parts.matches()) return;
            Double value = number(parts.group(3));
            if (value != null) values.put(new Series(parts.group(1), labels(parts.group(2))), value);
        });
        return values;
    }

    private static SortedMap<String, String> labels(String text) {
        SortedMap<String, String> labels = new TreeMap<>();
        if (text == null) return labels;
        Matcher label = LABEL.matcher(text);
        while (label.find()) {
            String value = label.group(2).replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\");
            labels.put(label.group(1), value);
        }
        return labels;
    }

    private static Double number(String text) {
        try {
            return Double.valueOf(text);
        } catch (NumberFormatException none) {
            return null;
        }
    }
}
