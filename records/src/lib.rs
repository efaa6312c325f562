//! Kafka records inside a record batch: bounded decoding and encoding, all five codecs
