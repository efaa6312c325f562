package io.firnline.kafka;

/** What the core could not do. The native side makes these by {@code (int, String)}; none leaves this package. */
final class NativeFailure extends RuntimeException {
    static final int NOT_FOUND = 1;
    static final int TRY_AGAIN = 2;
    static final int OTHER = 3;

    private static final long serialVersionUID = 1L;

    private final int kind;

    /** Without a stack trace: it would show this border and nothing behind it. */
    NativeFailure(int kind, String message) {
        super(message, null, false, false);
        this.kind = kind;
    }

    int kind() {
        return kind;
    }
}
