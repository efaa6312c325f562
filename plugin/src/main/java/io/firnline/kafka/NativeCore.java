package io.firnline.kafka;

/** The engine in the native library. */
final class NativeCore implements Core {
    private final long engine;

    private NativeCore(long engine) {
        this.engine = engine;
    }

    /**
     * @throws NativeFailure with every bad key
     * @throws org.apache.kafka.common.KafkaException when the library cannot be used here
     */
    static Core open(Settings settings) {
        NativeLibrary.load(settings);
        return new NativeCore(Native.open(settings.core().toArray(new String[0])));
    }

    @Override
    public long startCopy(byte[] segment, String[] files, byte[] leaderEpochs) {
        return Native.startCopy(engine, segment, files, leaderEpochs);
    }

    @Override
    public byte[] awaitCopy(long copy, int millis) {
        return Native.awaitCopy(copy, millis);
    }

    @Override
    public void dropCopy(long copy) {
        Native.dropCopy(copy);
    }

    @Override
    public long fetch(byte[] segment, int start, int end) {
        return Native.fetch(engine, segment, start, end);
    }

    @Override
    public int read(long stream, byte[] into, int at, int length) {
        return Native.read(stream, into, at, length);
    }

    @Override
    public long skip(long stream, long bytes) {
        return Native.skip(stream, bytes);
    }

    @Override
    public void dropStream(long stream) {
        Native.dropStream(stream);
    }

    @Override
    public byte[] index(byte[] segment, int type) {
        return Native.index(engine, segment, type);
    }

    @Override
    public boolean delete(byte[] segment) {
        return Native.delete(engine, segment);
    }

    @Override
    public String metrics() {
        return Native.metrics(engine);
    }

    @Override
    public void close() {
        Native.close(engine);
    }
}
