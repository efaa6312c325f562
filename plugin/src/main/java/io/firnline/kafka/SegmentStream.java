package io.firnline.kafka;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.Objects;

/**
 * Fetched bytes. What the broker asked for is counted here once more: to the broker an early end is no error but a reason
 * to go on with the next segment, past records that nobody has read. After a failure every read fails, and after
 * {@link #close} too. It may be closed while another thread reads.
 */
final class SegmentStream extends InputStream {
    /** Lets go of streams that nobody closes: until 4.1 brokers do not close all. */
    private static final Cleaner CLEANER = Cleaner.create();

    private final Core core;
    private final long stream;
    private final String what;
    private final Cleaner.Cleanable release;

    private long remaining;
    private IOException failure;
    private volatile boolean closed;

    private SegmentStream(Core core, long stream, long length, String what) {
        this.core = core;
        this.stream = stream;
        this.remaining = length;
        this.what = what;
        this.release = CLEANER.register(this, new Release(core, stream));
    }

    /**
     * @param start position of the first byte
     * @param end of the last one; what is behind the segment's end is not asked for
     * @param size of the segment
     */
    static InputStream open(Core core, byte[] segment, int start, int end, int size, String what) {
        long length = Math.min(end, size - 1L) - start + 1;
        long stream = core.fetch(segment, start, end >= size - 1 ? Integer.MAX_VALUE : end);
        try {
            return new SegmentStream(core, stream, length, what);
        } catch (Throwable thrown) {
            core.dropStream(stream);
            throw thrown;
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] into, int at, int length) throws IOException {
        Objects.checkFromIndexSize(at, length, into.length);
        check();
        if (length == 0) return 0;
        try {
            int got = core.read(stream, into, at, length);
            if (got < 0) return end();
            if (got == 0 || got > length) throw new IOException(what + ": " + got + " bytes were told of " + length);
            pass(got);
            return got;
        } catch (Throwable thrown) {
            throw fail(thrown);
        } finally {
            // Or the cleaner might drop the stream under a read that is the last use of this object.
            Reference.reachabilityFence(this);
        }
    }

    @Override
    public long skip(long bytes) throws IOException {
        check();
        long wanted = Math.min(bytes, remaining);
        if (wanted <= 0) return 0;
        try {
            long skipped = core.skip(stream, wanted);
            if (skipped < 0 || skipped > wanted) throw new IOException(what + ": skipped " + skipped + " of " + wanted);
            pass(skipped);
            return skipped;
        } catch (Throwable thrown) {
            throw fail(thrown);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Nothing is known to be there without waiting: that is the core's business. */
    @Override
    public int available() throws IOException {
        check();
        return 0;
    }

    @Override
    public void close() {
        closed = true;
        release.clean();
    }

    private int end() throws IOException {
        if (remaining > 0) throw new EOFException(what + ": it ended " + remaining + " bytes early");
        return -1;
    }

    private void pass(long bytes) throws IOException {
        if (bytes > remaining) throw new IOException(what + ": " + (bytes - remaining) + " bytes too many came");
        remaining -= bytes;
    }

    private void check() throws IOException {
        if (closed) throw new IOException(what + ": the stream is closed");
        // A new one each time, because whoever catches it may add to it.
        if (failure != null) throw new IOException(failure.getMessage(), failure);
    }

    private IOException fail(Throwable thrown) {
        failure = Failures.ofRead(thrown, what);
        return failure;
    }

    /** Has no way to the stream itself, which would keep it from ever being unreachable. */
    private record Release(Core core, long stream) implements Runnable {
        @Override
        public void run() {
            try {
                core.dropStream(stream);
            } catch (Throwable gone) {
                // The engine was closed first, and took the stream along.
            }
        }
    }
}
