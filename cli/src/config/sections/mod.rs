//! The sections, one file each; those that the plugin has, too, are `firnline_config`'s.

mod export;
mod http;
mod kafka;
mod offload;
mod proxy;
mod serve;
mod topic;

pub use export::{ExportSection, ExportTopicSection};
pub use firnline_config::sections::{
    CacheSection, EncryptionSection, LimitsSection, SegmentsSection, StoreSection,
};
pub use http::HttpSection;
pub use kafka::KafkaSection;
pub use offload::OffloadSection;
pub use proxy::ProxySection;
pub use serve::{ServeRuleSection, ServeSection};
pub use topic::TopicSection;
