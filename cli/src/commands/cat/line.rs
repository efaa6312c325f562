//! One record as a JSON line. The names are part of the contract.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use firnline_index::PartitionIndex;
use firnline_index::batch::TimestampType;
use firnline_records::Record;
use serde::ser::{SerializeMap, SerializeSeq as _};
use serde::{Serialize, Serializer};

use crate::output::V1;

/// A record of a partition.
#[derive(Debug)]
pub struct RecordLine<'a> {
    /// The partition.
    pub partition: PartitionIndex,
    /// The record.
    pub record: &'a Record,
}

impl Serialize for RecordLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Record { offset, timestamp, timestamp_type, key, value, headers } = self.record;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &V1)?;
        map.serialize_entry("partition", &self.partition.get())?;
        map.serialize_entry("offset", &offset.get())?;
        map.serialize_entry("timestamp_ms", &timestamp.map(|at| at.get()))?;
        map.serialize_entry("timestamp_type", &type_name(*timestamp_type))?;
        text_or_base64(&mut map, "key", "key_base64", key.as_ref())?;
        text_or_base64(&mut map, "value", "value_base64", value.as_ref())?;
        map.serialize_entry("headers", &Headers(headers))?;
        map.end()
    }
}

/// Kafka's own names.
fn type_name(kind: TimestampType) -> Option<&'static str> {
    match kind {
        TimestampType::None => None,
        TimestampType::Create => Some("CreateTime"),
        TimestampType::LogAppend => Some("LogAppendTime"),
    }
}

fn text_or_base64<M: SerializeMap>(
    map: &mut M,
    text: &'static str,
    base64: &'static str,
    bytes: Option<&Bytes>,
) -> Result<(), M::Error> {
    match bytes.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
        None => map.serialize_entry(text, &None::<&str>),
        Some(Ok(utf8)) => map.serialize_entry(text, utf8),
        Some(Err(bytes)) => map.serialize_entry(base64, &STANDARD.encode(bytes)),
    }
}

struct Headers<'a>(&'a [firnline_records::Header]);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (name, value) in self.0 {
            list.serialize_element(&(Part(Some(name)), Part(value.as_ref())))?;
        }
        list.end()
    }
}

/// A header's name or value: text, null, or `{"base64": …}`.
struct Part<'a>(Option<&'a Bytes>);

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
            None => serializer.serialize_none(),
            Some(Ok(text)) => serializer.serialize_str(text),
            Some(Err(bytes)) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("base64", &STANDARD.encode(bytes))?;
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firnline_index::{Offset, TimestampMs};

    fn line(record: &Record) -> String {
        serde_json::to_string(&RecordLine { partition: PartitionIndex::new(3).unwrap(), record }).unwrap()
    }

    fn record() -> Record {
        Record {
            offset: Offset::new(17).unwrap(),
            timestamp: TimestampMs::from_kafka(1_795_327_200_000),
            timestamp_type: TimestampType::Create,
            key: Some(Bytes::from_static(b"k")),
            value: Some(Bytes::from_static("f\u{fc}nf\n".as_bytes())),
            headers: Vec::new(),
        }
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(
            line(&record()),
            r#"{"v":1,"partition":3,"offset":17,"timestamp_ms":1795327200000,"timestamp_type":"CreateTime","key":"k","value":"fünf\n","headers":[]}"#
        );
    }

    #[test]
    fn what_is_no_text_is_base64_and_what_is_absent_null() {
        let record = Record {
            timestamp: None,
            timestamp_type: TimestampType::None,
            key: Some(Bytes::from_static(&[0xff, 0xfe])),
            value: None,
            headers: vec![
                (Bytes::from_static(b"a"), Some(Bytes::from_static(b"1"))),
                (Bytes::from_static(b"a"), None),
                (Bytes::from_static(b"b"), Some(Bytes::from_static(&[0x80]))),
            ],
            ..record()
        };
        assert_eq!(
            line(&record),
            r#"{"v":1,"partition":3,"offset":17,"timestamp_ms":null,"timestamp_type":null,"key_base64":"//4=","value":null,"headers":[["a","1"],["a",null],["b",{"base64":"gA=="}]]}"#
        );
    }

    #[test]
    fn empty_is_not_null() {
        let record = Record { key: Some(Bytes::new()), timestamp_type: TimestampType::LogAppend, ..record() };
        assert!(line(&record).contains(r#""timestamp_type":"LogAppendTime","key":"","#));
    }
}
