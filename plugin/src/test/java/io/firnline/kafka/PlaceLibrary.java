package io.firnline.kafka;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;

/** Places a library of two bytes and tells where, or why not: a process of its own, to be run as another user. */
final class PlaceLibrary {
    private PlaceLibrary() {}

    public static void main(String[] arguments) {
        try {
            System.out.println(LibraryFile.place(
                    () -> new ByteArrayInputStream(new byte[] {1, 2}), Path.of(arguments[0]), arguments[1]));
        } catch (IOException refused) {
            System.out.println("refused: " + refused.getMessage());
        }
    }
}
