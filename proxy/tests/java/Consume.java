import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Asks a server for all that a consumer can, and tries to write. Arguments: address, topic, isolation, a time, and where
 * more has to be said a file of client settings. Tells what it sees, a fact a line.
 */
public final class Consume {
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private static final Properties MORE = new Properties();

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 4) {
            try (java.io.Reader file = java.nio.file.Files.newBufferedReader(java.nio.file.Path.of(arguments[4]))) {
                MORE.load(file);
            }
        }
        StringBuilder out = new StringBuilder();
        consume(arguments[0], arguments[1], arguments[2], Long.parseLong(arguments[3]), out);
        for (String idempotent : List.of("true", "false")) {
            out.append("produce ").append(produce(arguments[0], arguments[1], idempotent)).append('\n');
        }
        System.out.print(out);
    }

    private static void consume(String server, String topic, String isolation, long time, StringBuilder out) {
        Properties settings = new Properties();
        settings.putAll(MORE);
        settings.put("bootstrap.servers", server);
        settings.put("isolation.level", isolation);
        settings.put("auto.offset.reset", "none");
        settings.put("enable.auto.commit", "false");
        // Little at once, so that a session goes through many turns.
        settings.put("max.partition.fetch.bytes", "2000");
        settings.put("max.poll.records", "7");
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            out.append("topics ").append(new TreeSet<>(consumer.listTopics().keySet())).append('\n');
            List<TopicPartition> partitions = new ArrayList<>();
            for (PartitionInfo partition : consumer.partitionsFor(topic)) {
                partitions.add(new TopicPartition(topic, partition.partition()));
            }
            Map<TopicPartition, Long> begins = consumer.beginningOffsets(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            List<String> facts = new ArrayList<>();
            Map<TopicPartition, Long> times = new java.util.HashMap<>();
            for (TopicPartition partition : partitions) {
                times.put(partition, time);
            }
            Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(times);
            for (TopicPartition partition : partitions) {
                OffsetAndTimestamp at = found.get(partition);
                facts.add("bounds " + partition.partition() + " " + begins.get(partition) + " " + ends.get(partition)
                    + " " + (at == null ? "none" : Long.toString(at.offset())));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long deadline = System.nanoTime() + PATIENCE_NANOS;
            while (!isAtEnd(consumer, ends)) {
                if (System.nanoTime() > deadline) {
                    facts.add("stuck");
                    break;
                }
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    facts.add("record " + record.partition() + " " + record.offset() + " " + record.timestamp() + " "
                        + (record.value() == null ? 0 : record.value().length));
                }
            }
            for (String fact : facts) {
                out.append(fact).append('\n');
            }
        }
    }

    private static boolean isAtEnd(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
        for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) {
            if (consumer.position(end.getKey()) < end.getValue()) {
                return false;
            }
        }
        return true;
    }

    private static String produce(String server, String topic, String idempotent) throws InterruptedException {
        Properties settings = new Properties();
        settings.putAll(MORE);
        settings.put("bootstrap.servers", server);
        settings.put("enable.idempotence", idempotent);
        settings.put("acks", "all");
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(topic, new byte[] {1})).get();
            return "written";
        } catch (ExecutionException | org.apache.kafka.common.KafkaException e) {
            return reason(e).getClass().getSimpleName();
        }
    }

    /** What is behind exceptions that say only that something is. */
    private static Throwable reason(Throwable thrown) {
        boolean says = thrown.getClass() != ExecutionException.class
            && thrown.getClass() != org.apache.kafka.common.KafkaException.class;
        return says || thrown.getCause() == null ? thrown : reason(thrown.getCause());
    }
}
