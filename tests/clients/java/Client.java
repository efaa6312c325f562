import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.zip.CRC32;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Kafka's own consumer, of whichever release stands on the class path. See ../README.md; of the plan's JSON it reads what is
 * there: names without escapes, numbers, and pairs of numbers.
 */
public final class Client {
    private static String plan;
    private static String topic;
    private static int partitions;
    private static int count;
    private static long deadline;
    private static long fullSince;
    private static final Set<List<Long>> SEEN = new HashSet<>();

    public static void main(String[] arguments) {
        plan = arguments[0];
        topic = text("topic");
        partitions = (int) number("partitions");
        count = (int) number("count");
        deadline = System.nanoTime() + number("seconds") * 1_000_000_000L;
        switch (text("do")) {
            case "group" -> group();
            case "members" -> members();
            case "seek" -> seek();
            default -> times();
        }
    }

    /** Behind the colon of a name; the same word may stand as a value, too. */
    private static int after(String name) {
        String key = "\"" + name + "\":";
        return plan.indexOf(key) + key.length();
    }

    private static String text(String name) {
        int at = plan.indexOf('"', after(name));
        return plan.substring(at + 1, plan.indexOf('"', at + 1));
    }

    private static long number(String name) {
        return Long.parseLong(plan.substring(after(name)).split("[,}]", 2)[0].trim());
    }

    private static List<long[]> list() {
        int at = plan.indexOf("[[", after("list"));
        List<long[]> pairs = new ArrayList<>();
        if (at >= 0) {
            for (String pair : plan.substring(at + 2, plan.indexOf("]]", at)).split("\\]\\s*,\\s*\\[")) {
                String[] both = pair.split(",");
                pairs.add(new long[] {Long.parseLong(both[0].trim()), Long.parseLong(both[1].trim())});
            }
        }
        return pairs;
    }

    private static KafkaConsumer<byte[], byte[]> consumer() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", text("bootstrap"));
        settings.put("group.id", text("group"));
        settings.put("isolation.level", text("isolation"));
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        settings.put("max.poll.records", "100");
        settings.put("session.timeout.ms", "45000");
        settings.put("heartbeat.interval.ms", "1000");
        // So that a session goes through many turns.
        settings.put("max.partition.fetch.bytes", "100000");
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static boolean isOver() {
        long now = System.nanoTime();
        if (count > 0 && SEEN.size() >= count) {
            fullSince = fullSince == 0 ? now : fullSince;
            return now - fullSince > 1_000_000_000L;
        }
        return now > deadline;
    }

    private static boolean share(int part, int of) {
        return SEEN.size() * of >= count * part;
    }

    private static String crc(byte[] data) {
        if (data == null) {
            return "null";
        }
        CRC32 crc = new CRC32();
        crc.update(data);
        return Long.toString(crc.getValue());
    }

    private static void line(String text) {
        byte[] bytes = (text + "\n").getBytes(StandardCharsets.UTF_8);
        System.out.write(bytes, 0, bytes.length);
        System.out.flush();
    }

    private static void fault(Exception thrown) {
        line("{\"fault\": \"" + thrown.toString().replace('"', '\'').replace('\n', ' ').replace('\\', '/') + "\"}");
    }

    private static int poll(KafkaConsumer<byte[], byte[]> one, int member) {
        try {
            ConsumerRecords<byte[], byte[]> records = one.poll(Duration.ofMillis(200));
            for (ConsumerRecord<byte[], byte[]> record : records) {
                tell(record, member);
            }
            return records.count();
        } catch (KafkaException e) {
            fault(e);
            return 0;
        }
    }

    private static void tell(ConsumerRecord<byte[], byte[]> record, int member) {
        SEEN.add(List.of((long) record.partition(), record.offset()));
        line("{\"r\": [" + member + ", " + record.partition() + ", " + record.offset() + ", " + record.timestamp() + ", "
            + crc(record.key()) + ", " + crc(record.value()) + "]}");
    }

    private static void commit(KafkaConsumer<byte[], byte[]> one) {
        try {
            one.commitSync();
        } catch (KafkaException e) {
            // The group is being divided anew; what was not committed is read again.
        }
    }

    private static void group() {
        TopicPartition first = new TopicPartition(topic, 0);
        long paused = 0;
        try (KafkaConsumer<byte[], byte[]> one = consumer()) {
            one.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> given) {}

                // Where it loses sight of all brokers it begins anew with the bootstrap list, and joins again (KIP-899).
                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> taken) {
                    commit(one);
                }
            });
            while (!isOver()) {
                poll(one, 0);
                if (paused == 0 && share(1, 3) && one.assignment().contains(first)) {
                    paused = System.nanoTime();
                    one.pause(List.of(first));
                } else if (paused != 0 && System.nanoTime() - paused > 1_000_000_000L && one.paused().contains(first)) {
                    one.resume(List.of(first));
                }
            }
            commit(one);
        }
    }

    private static void members() {
        List<KafkaConsumer<byte[], byte[]>> both = new ArrayList<>(List.of(consumer()));
        both.get(0).subscribe(List.of(topic));
        boolean left = false;
        while (!isOver()) {
            if (both.size() == 1 && !left && share(1, 3)) {
                both.add(consumer());
                both.get(1).subscribe(List.of(topic));
            }
            if (both.size() == 2 && share(2, 3)) {
                both.remove(1).close();
                left = true;
            }
            for (int member = 0; member < both.size(); member++) {
                if (poll(both.get(member), member) > 0) {
                    commit(both.get(member));
                }
            }
        }
        both.forEach(KafkaConsumer::close);
    }

    private static void seek() {
        try (KafkaConsumer<byte[], byte[]> one = consumer()) {
            for (long[] place : list()) {
                TopicPartition partition = new TopicPartition(topic, (int) place[0]);
                one.assign(List.of(partition));
                one.seek(partition, place[1]);
                boolean found = false;
                while (!found && !isOver()) {
                    for (ConsumerRecord<byte[], byte[]> record : one.poll(Duration.ofMillis(200))) {
                        if (!found) {
                            tell(record, 0);
                        }
                        found = true;
                    }
                }
            }
        }
    }

    private static void times() {
        try (KafkaConsumer<byte[], byte[]> one = consumer()) {
            for (long[] place : list()) {
                TopicPartition partition = new TopicPartition(topic, (int) place[0]);
                OffsetAndTimestamp found = one.offsetsForTimes(Map.of(partition, place[1])).get(partition);
                line("{\"at\": [" + place[0] + ", " + place[1] + ", " + (found == null ? -1 : found.offset()) + "]}");
            }
            for (int number = 0; number < partitions; number++) {
                TopicPartition partition = new TopicPartition(topic, number);
                long begin = one.beginningOffsets(List.of(partition)).get(partition);
                long end = one.endOffsets(List.of(partition)).get(partition);
                line("{\"bounds\": [" + number + ", " + begin + ", " + end + "]}");
            }
        }
    }
}
