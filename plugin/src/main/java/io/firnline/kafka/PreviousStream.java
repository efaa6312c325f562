package io.firnline.kafka;

import java.io.IOException;
import java.io.InputStream;

/** A stream of the previous plugin, with that plugin's context class loader around every use, and nothing but IOException. */
final class PreviousStream extends InputStream {
    private static final String WHAT = "a stream of the previous plugin";

    private final InputStream stream;
    private final ClassLoader loader;

    PreviousStream(InputStream stream, ClassLoader loader) {
        this.stream = stream;
        this.loader = loader;
    }

    @Override
    public int read() throws IOException {
        return (int) within(stream::read);
    }

    @Override
    public int read(byte[] into, int at, int length) throws IOException {
        return (int) within(() -> stream.read(into, at, length));
    }

    @Override
    public long skip(long bytes) throws IOException {
        return within(() -> stream.skip(bytes));
    }

    @Override
    public int available() throws IOException {
        return (int) within(stream::available);
    }

    @Override
    public void close() throws IOException {
        within(() -> {
            stream.close();
            return 0;
        });
    }

    private long within(Use use) throws IOException {
        ClassLoader before = PreviousManager.enter(loader);
        try {
            return use.run();
        } catch (Throwable thrown) {
            throw Failures.ofRead(thrown, WHAT);
        } finally {
            PreviousManager.enter(before);
        }
    }

    private interface Use {
        long run() throws IOException;
    }
}
