//! Pure bytes of Firnline: Kafka record batches, block index, remote segment, manifest, lineage, transactions, object keys
