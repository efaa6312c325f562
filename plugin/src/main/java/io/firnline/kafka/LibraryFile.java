package io.firnline.kafka;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;

/**
 * Puts the library's bytes where the process can load them: into a directory that only this user may write, under a name
 * with their hash, by a temporary file and a rename. A file that is there already is used when its bytes are the right ones,
 * so that two brokers on one machine share it. The base directory may be one that everybody writes to: what others have put
 * in the way there is refused, never loaded.
 */
final class LibraryFile {
    private static final int GROUP_OR_OTHERS_WRITE = 0022;
    private static final int OTHERS_WRITE = 0002;
    private static final int STICKY = 01000;

    private LibraryFile() {}

    /** The bytes, from their beginning each time. */
    interface Source {
        InputStream open() throws IOException;
    }

    /**
     * @param base an existing directory
     * @param user makes the subdirectory's name, so that users do not meet in one
     * @throws IOException naming what is in the way
     */
    static Path place(Source source, Path base, String user) throws IOException {
        Path dir = privateDir(base, user);
        Path temporary = temporary(dir);
        try {
            int me = owner(temporary);
            if (owner(dir) != me) throw new IOException(dir + " belongs to " + Files.getOwner(dir) + ", not to this user");
            if ((mode(dir) & GROUP_OR_OTHERS_WRITE) != 0) throw new IOException(dir + " may be written by others");
            byte[] hash = copy(source, null);
            Path library = dir.resolve("libfirnline_plugin-" + HexFormat.of().formatHex(hash, 0, 16) + ".so");
            if (isThere(library, me, hash)) return library;
            if (!MessageDigest.isEqual(copy(source, temporary), hash)) throw new IOException("the jar has changed meanwhile");
            Files.move(temporary, library, StandardCopyOption.ATOMIC_MOVE);
            return library;
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    /** Another file with the same bytes, beside it; for a second class loader, since a JVM loads a file into one alone. */
    static Path another(Path library) throws IOException {
        Path another = temporary(library.getParent());
        Files.copy(library, another, StandardCopyOption.REPLACE_EXISTING);
        return another;
    }

    private static Path privateDir(Path base, String user) throws IOException {
        if (!Files.isDirectory(base)) throw new IOException(base + " is no directory");
        Path real = base.toRealPath();
        // Who may rename our directory could put another in its place between our look and the loading.
        if ((mode(real) & (OTHERS_WRITE | STICKY)) == OTHERS_WRITE) {
            throw new IOException(real + " may be written by everybody and is not sticky");
        }
        Path dir = real.resolve("firnline-" + user.replaceAll("[^A-Za-z0-9_-]", "_"));
        try {
            Files.createDirectory(dir, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (FileAlreadyExistsException there) {
            if (!Files.isDirectory(dir, LinkOption.NOFOLLOW_LINKS)) throw new IOException(dir + " is no directory", there);
        } catch (AccessDeniedException refused) {
            throw new IOException(real + " may not be written by this user", refused);
        }
        return dir;
    }

    private static Path temporary(Path dir) throws IOException {
        try {
            return Files.createTempFile(dir, "loading-", ".so");
        } catch (AccessDeniedException refused) {
            throw new IOException(dir + " may not be written by this user; it belongs to " + Files.getOwner(dir), refused);
        }
    }

    private static boolean isThere(Path library, int me, byte[] hash) throws IOException {
        try {
            if (owner(library) != me) {
                throw new IOException(library + " belongs to " + Files.getOwner(library, LinkOption.NOFOLLOW_LINKS)
                        + ", not to this user");
            }
            return Files.isRegularFile(library, LinkOption.NOFOLLOW_LINKS)
                    && (mode(library) & GROUP_OR_OTHERS_WRITE) == 0
                    && MessageDigest.isEqual(copy(() -> Files.newInputStream(library), null), hash);
        } catch (NoSuchFileException absent) {
            return false;
        }
    }

    /** Copies where {@code to} is not null; returns the hash either way. */
    private static byte[] copy(Source source, Path to) throws IOException {
        try (OutputStream out = to == null ? OutputStream.nullOutputStream() : Files.newOutputStream(to);
                DigestInputStream in = new DigestInputStream(source.open(), MessageDigest.getInstance("SHA-256"))) {
            in.transferTo(out);
            return in.getMessageDigest().digest();
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every Java platform has SHA-256", impossible);
        }
    }

    private static int owner(Path path) throws IOException {
        return unix(path, "uid");
    }

    private static int mode(Path path) throws IOException {
        return unix(path, "mode");
    }

    private static int unix(Path path, String attribute) throws IOException {
        Map<String, Object> read = Files.readAttributes(path, "unix:" + attribute, LinkOption.NOFOLLOW_LINKS);
        return (Integer) read.get(attribute);
    }
}
