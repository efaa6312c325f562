//! Reading a Kafka broker's log directories: partitions, segments, locks, restore targets
