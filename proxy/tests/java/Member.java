import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * One member of a consumer group that does what it is told, a word a line, and answers with a line. Arguments: address,
 * topic, group, and settings as key=value. Between words it polls, as an application does.
 */
public final class Member implements ConsumerRebalanceListener {
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final String topic;
    private final Deque<ConsumerRecord<byte[], byte[]>> waiting = new ArrayDeque<>();
    private final Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();
    private final ConcurrentLinkedQueue<String> words = new ConcurrentLinkedQueue<>();

    private Member(KafkaConsumer<byte[], byte[]> consumer, String topic) {
        this.consumer = consumer;
        this.topic = topic;
    }

    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("group.id", arguments[2]);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        settings.put("session.timeout.ms", "6000");
        settings.put("heartbeat.interval.ms", "500");
        settings.put("metadata.max.age.ms", "2000");
        for (int at = 3; at < arguments.length; at++) {
            String[] pair = arguments[at].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        KafkaConsumer<byte[], byte[]> consumer =
            new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        Member member = new Member(consumer, arguments[1]);
        Thread listening = new Thread(member::listen);
        listening.setDaemon(true);
        listening.start();
        consumer.subscribe(Set.of(arguments[1]), member);
        member.serve();
    }

    private void listen() {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                words.add(line);
            }
        } catch (java.io.IOException e) {
            words.add("close");
        }
    }

    private void serve() {
        while (true) {
            poll();
            String word = words.poll();
            if (word == null) {
                continue;
            }
            String[] parts = word.split(" ");
            String answer;
            try {
                answer = obey(parts);
            } catch (RuntimeException e) {
                answer = "failed " + e.getClass().getSimpleName();
            }
            System.out.println(answer);
            System.out.flush();
            if (parts[0].equals("close")) {
                return;
            }
        }
    }

    private String obey(String[] word) {
        switch (word[0]) {
            case "await": return await(Integer.parseInt(word[1]));
            case "read": return read(Integer.parseInt(word[1]));
            case "seek":
                TopicPartition partition = new TopicPartition(topic, Integer.parseInt(word[1]));
                consumer.seek(partition, Long.parseLong(word[2]));
                waiting.removeIf(record -> record.partition() == partition.partition());
                return "sought";
            case "commit":
                consumer.commitSync(done);
                return "committed " + told(done);
            case "async": return async();
            case "committed":
                Set<TopicPartition> all = new java.util.HashSet<>();
                for (int at = 1; at < word.length; at++) {
                    all.add(new TopicPartition(topic, Integer.parseInt(word[at])));
                }
                return "committed " + told(consumer.committed(all));
            case "close":
                consumer.close();
                return "closed";
            default: return "unknown";
        }
    }

    private String await(int partitions) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (consumer.assignment().size() != partitions) {
            if (System.nanoTime() > deadline) {
                return "stuck with " + consumer.assignment().size();
            }
            poll();
        }
        TreeSet<Integer> numbers = new TreeSet<>();
        for (TopicPartition partition : consumer.assignment()) {
            numbers.add(partition.partition());
        }
        return "assigned " + numbers;
    }

    /** Takes so many records; answers with the offsets of each partition. */
    private String read(int records) {
        TreeMap<Integer, String> read = new TreeMap<>();
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        for (int count = 0; count < records; ) {
            ConsumerRecord<byte[], byte[]> record = waiting.poll();
            if (record == null) {
                if (System.nanoTime() > deadline) {
                    return "stuck after " + count;
                }
                poll();
                continue;
            }
            count++;
            String from = read.containsKey(record.partition())
                ? read.get(record.partition()).split("-")[0] : Long.toString(record.offset());
            read.put(record.partition(), from + "-" + record.offset());
            done.put(new TopicPartition(topic, record.partition()), new OffsetAndMetadata(record.offset() + 1, "m"));
        }
        return "read " + read;
    }

    private String async() {
        AtomicReference<String> outcome = new AtomicReference<>();
        consumer.commitAsync(done, (offsets, failure) ->
            outcome.set(failure == null ? "committed " + told(offsets) : "failed " + failure.getClass().getSimpleName()));
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (outcome.get() == null && System.nanoTime() < deadline) {
            poll();
        }
        return outcome.get();
    }

    private void poll() {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
            waiting.add(record);
        }
    }

    private static String told(Map<TopicPartition, OffsetAndMetadata> offsets) {
        TreeMap<Integer, Long> told = new TreeMap<>();
        offsets.forEach((partition, offset) -> told.put(partition.partition(), offset == null ? -1 : offset.offset()));
        return told.toString();
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        waiting.removeIf(record -> partitions.contains(new TopicPartition(topic, record.partition())));
        done.keySet().removeAll(partitions);
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        onPartitionsRevoked(partitions);
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
}
