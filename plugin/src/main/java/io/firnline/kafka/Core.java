package io.firnline.kafka;

/**
 * The engine as the shell sees it: {@link Native} without the engine's handle, so that tests can put one in memory in its
 * place. Every method may be called by many threads at once and throws {@link NativeFailure}; the rest is said there.
 */
interface Core {
    int OFFSET_INDEX = 0;
    int TIME_INDEX = 1;
    int PRODUCER_SNAPSHOT = 2;
    int TRANSACTION_INDEX = 3;
    int LEADER_EPOCHS = 4;

    long startCopy(byte[] segment, String[] files, byte[] leaderEpochs);

    byte[] awaitCopy(long copy, int millis);

    void dropCopy(long copy);

    long fetch(byte[] segment, int start, int end);

    int read(long stream, byte[] into, int at, int length);

    long skip(long stream, long bytes);

    void dropStream(long stream);

    byte[] index(byte[] segment, int type);

    boolean delete(byte[] segment);

    String metrics();

    void close();

    /** Opens a core: {@link NativeCore#open} but for tests. */
    interface Opener {
        Core open(Settings settings);
    }
}
