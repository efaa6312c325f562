package io.firnline.kafka;

/**
 * The native methods, nothing else. Each throws {@link NativeFailure} alone; a handle that is stale is a failure, not a
 * crash. {@link NativeLibrary} must have loaded the library before the first call.
 */
final class Native {
    private Native() {}

    /** An engine by the keys behind {@code rsm.config.}, with {@code broker.id}; fails with every bad key at once. */
    static native long open(String[] keysAndValues);

    /** Ends its work within its deadline; a second time nothing. */
    static native void close(long engine);

    /** {@code files}: log, offset index, time index, transaction index or null, producer snapshot or null. */
    static native long startCopy(long engine, byte[] segment, String[] files, byte[] leaderEpochs);

    /** Custom metadata when the copy is done, null when the time is over. */
    static native byte[] awaitCopy(long copy, int millis);

    /** Aborts where it is under way; must be called once. */
    static native void dropCopy(long copy);

    /** A stream; {@code end} is inclusive, {@code Integer.MAX_VALUE} = to the end. */
    static native long fetch(long engine, byte[] segment, int start, int end);

    /** Bytes put there, at least 1; -1 at the end of the segment or of the range, and never before. */
    static native int read(long stream, byte[] into, int at, int length);

    /** What was passed over. */
    static native long skip(long stream, long bytes);

    /** Must be called once; aborts what only this stream waits for. */
    static native void dropStream(long stream);

    /** Types as in {@link Core#index}; null: it has none (transactions alone). */
    static native byte[] index(long engine, byte[] segment, int type);

    /** True: nothing of it is there any more. False: it is not ours, ask the previous plugin. */
    static native boolean delete(long engine, byte[] segment);

    /** {@code name value} a line. */
    static native String metrics(long engine);
}
