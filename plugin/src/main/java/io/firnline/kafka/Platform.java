package io.firnline.kafka;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Which library this process can load, and whether a directory lets programs run. */
final class Platform {
    private Platform() {}

    /** As the jar's directories are named: {@code linux-x86_64}, {@code linux-x86_64-musl}, {@code linux-aarch64}, … */
    static String name() {
        return name(System.getProperty("os.name"), System.getProperty("os.arch"), lines("/proc/self/maps"));
    }

    /** @param maps what this process has mapped, among it the C library that its JVM was built for */
    static String name(String os, String arch, List<String> maps) {
        String cpu = switch (arch.toLowerCase(Locale.ROOT)) {
            case "amd64", "x86_64", "x86-64" -> "x86_64";
            case "aarch64", "arm64" -> "aarch64";
            default -> arch;
        };
        boolean musl = maps.stream().anyMatch(line -> line.contains("/ld-musl-"));
        return os.toLowerCase(Locale.ROOT).replace(' ', '_') + "-" + cpu + (musl ? "-musl" : "");
    }

    /** Whether the file system of {@code path} is mounted noexec. False where that cannot be told. */
    static boolean noexec(Path path) {
        return noexec(path, lines("/proc/self/mountinfo"));
    }

    /** {@code mounts} as in proc(5): the fifth field is the mount point, the sixth its options; of one point the last counts. */
    static boolean noexec(Path path, List<String> mounts) {
        Path nearest = null;
        boolean noexec = false;
        for (String mount : mounts) {
            String[] fields = mount.split(" ");
            if (fields.length < 6) continue;
            Path point = Path.of(fields[4].replace("\\040", " "));
            if (!path.startsWith(point) || nearest != null && !point.startsWith(nearest)) continue;
            nearest = point;
            noexec = List.of(fields[5].split(",")).contains("noexec");
        }
        return noexec;
    }

    private static List<String> lines(String file) {
        try {
            return Files.readAllLines(Path.of(file));
        } catch (IOException | RuntimeException unreadable) {
            return List.of();
        }
    }
}
