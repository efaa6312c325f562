import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Reads messages with Kafka's own classes and writes them again. One a line, in: the request's number, side, version and
 * the body in hexadecimal; out: the body, or why there is none.
 */
public final class Echo {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        StringBuilder out = new StringBuilder();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ", -1);
            out.append(echo(words[0], words[1].equals("request"), Short.parseShort(words[2]), words[3])).append('\n');
        }
        System.out.print(out);
    }

    private static String echo(String key, boolean isRequest, short version, String body) {
        ApiMessageType type;
        try {
            type = ApiMessageType.fromApiKey(Short.parseShort(key));
        } catch (RuntimeException e) {
            return "unsupported";
        }
        var schemas = isRequest ? type.requestSchemas() : type.responseSchemas();
        if (version >= schemas.length || schemas[version] == null) {
            return "unsupported";
        }
        try {
            ApiMessage message = isRequest ? type.newRequest() : type.newResponse();
            ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(body));
            message.read(new ByteBufferAccessor(bytes), version);
            if (bytes.hasRemaining()) {
                return "left over";
            }
            ObjectSerializationCache cache = new ObjectSerializationCache();
            ByteBuffer written = ByteBuffer.allocate(message.size(cache, version));
            message.write(new ByteBufferAccessor(written), cache, version);
            return HexFormat.of().formatHex(written.array());
        } catch (RuntimeException e) {
            return e.toString().replace('\n', ' ');
        }
    }
}
