//! `partition.metadata`: the topic id of a partition's directory.
//!
//! ```text
//! version: 0
//! topic_id: J8nB1x9RTGqN3oGQx5Lk2A
//! ```

use firnline_index::{TopicId, ValueError};

/// A `partition.metadata` that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartitionMetadataError {
    /// Not UTF-8.
    #[error("it is not text")]
    NotText,
    /// A line that is not `key: value`.
    #[error("line {number} is not of the form \"key: value\"")]
    Line {
        /// Counted from 1.
        number: usize,
    },
    /// A version that this build does not know.
    #[error("its version is {version:?}; version 0 is known")]
    Version {
        /// What stands there, cut to 40 characters; empty if nothing does.
        version: String,
    },
    /// No topic id.
    #[error("it has no topic_id")]
    NoTopicId,
    /// A topic id that cannot be one.
    #[error("its topic_id cannot be one")]
    TopicId(#[source] ValueError),
    /// The id of 16 zero bytes, which stands for "no id".
    #[error("its topic_id is the zero id, which no topic has")]
    ZeroId,
}

/// Reads the file's bytes.
pub fn partition_metadata(text: &[u8]) -> Result<TopicId, PartitionMetadataError> {
    let text = std::str::from_utf8(text).map_err(|_| PartitionMetadataError::NotText)?;
    let (mut version, mut topic_id) = (None, None);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (key, value) = line.split_once(':').ok_or(PartitionMetadataError::Line { number: index + 1 })?;
        match key.trim() {
            "version" => version = Some(value.trim()),
            "topic_id" => topic_id = Some(value.trim()),
            _ => {}
        }
    }
    if version != Some("0") {
        let version = version.unwrap_or_default().chars().take(40).collect();
        return Err(PartitionMetadataError::Version { version });
    }
    let topic_id: TopicId = topic_id
        .ok_or(PartitionMetadataError::NoTopicId)?
        .parse()
        .map_err(PartitionMetadataError::TopicId)?;
    if topic_id.as_bytes() == &[0; 16] {
        return Err(PartitionMetadataError::ZeroId);
    }
    Ok(topic_id)
}
