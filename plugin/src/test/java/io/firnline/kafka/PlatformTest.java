package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlatformTest {
    private static final List<String> GLIBC = List.of("7f00-7f01 r-xp 00000000 fe:00 1 /usr/lib/x86_64-linux-gnu/libc.so.6");
    private static final List<String> MUSL = List.of("7f00-7f01 r-xp 00000000 fe:00 1 /lib/ld-musl-x86_64.so.1");

    @Test
    void names_are_those_of_the_jars_directories() {
        assertEquals("linux-x86_64", Platform.name("Linux", "amd64", GLIBC));
        assertEquals("linux-x86_64", Platform.name("Linux", "x86_64", List.of()));
        assertEquals("linux-x86_64-musl", Platform.name("Linux", "amd64", MUSL));
        assertEquals("linux-aarch64", Platform.name("Linux", "aarch64", GLIBC));
        assertEquals("linux-s390x", Platform.name("Linux", "s390x", GLIBC));
        assertEquals("mac_os_x-aarch64", Platform.name("Mac OS X", "aarch64", List.of()));
    }

    @Test
    void the_nearest_mount_counts_and_of_one_point_the_last() {
        List<String> mounts = List.of(
                "1 0 254:0 / / rw,relatime - ext4 /dev/vda rw",
                "2 1 0:30 / /tmp rw,nosuid,nodev,noexec - tmpfs tmpfs rw",
                "3 2 0:31 / /tmp/with\\040space rw - tmpfs tmpfs rw",
                "4 1 0:32 / /run rw,noexec - tmpfs tmpfs rw",
                "5 1 0:33 / /run rw - tmpfs tmpfs rw",
                "broken");
        assertFalse(Platform.noexec(Path.of("/var/lib/x"), mounts));
        assertTrue(Platform.noexec(Path.of("/tmp/x"), mounts));
        assertFalse(Platform.noexec(Path.of("/tmpx"), mounts));
        assertFalse(Platform.noexec(Path.of("/tmp/with space/x"), mounts));
        assertFalse(Platform.noexec(Path.of("/run/x"), mounts));
        assertFalse(Platform.noexec(Path.of("/tmp/x"), List.of()));
    }
}
