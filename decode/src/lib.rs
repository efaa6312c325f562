//! Keys and values of records to columns: JSON, Avro, Protobuf, with or without a schema registry.
