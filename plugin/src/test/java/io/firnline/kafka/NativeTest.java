package io.firnline.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodType;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The border's two sides are compiled apart; both are held against one file. */
class NativeTest {
    @Test
    void the_native_methods_are_those_of_the_file() throws IOException {
        List<String> methods = Stream.of(Native.class.getDeclaredMethods())
                .peek(method -> assertTrue(Modifier.isStatic(method.getModifiers()) && Modifier.isNative(method.getModifiers())))
                .map(method -> method.getName() + " "
                        + MethodType.methodType(method.getReturnType(), method.getParameterTypes()).toMethodDescriptorString())
                .sorted()
                .toList();
        try (InputStream in = NativeTest.class.getResourceAsStream("/native-methods.txt")) {
            assertEquals(new String(in.readAllBytes(), StandardCharsets.US_ASCII).lines().toList(), methods);
        }
    }

    @Test
    void a_failure_is_made_of_a_kind_and_a_message() throws ReflectiveOperationException {
        assertNotNull(NativeFailure.class.getDeclaredConstructor(int.class, String.class));
    }
}
