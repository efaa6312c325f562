package io.firnline.kafka;

import java.util.List;

/**
 * Loads at the start every class that is first needed later. The jar may be replaced under a running broker, and a stream is
 * read while the context class loader is another one: no class is to be looked for then.
 */
final class Classes {
    private static final List<String> LATER = List.of(
            "Copy",
            "Failures",
            "FirnlineRemoteStorageManager$1",
            "FirnlineRemoteStorageManager$Call",
            "MetricsBeans$Bean",
            "NativeFailure",
            "Owner",
            "PreviousStream",
            "PreviousStream$Use",
            "PreviousManager$Call",
            "Running$End",
            "Running$Ours",
            "Running$Theirs",
            "Segment",
            "SegmentStream",
            "SegmentStream$Release");

    private Classes() {}

    static void load() {
        try {
            for (String name : LATER) Class.forName(Classes.class.getPackageName() + "." + name);
        } catch (ClassNotFoundException incomplete) {
            throw new IllegalStateException("the jar is not complete", incomplete);
        }
    }
}
