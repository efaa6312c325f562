//! The sections, one file each.

mod cache;
mod encryption;
mod http;
mod kafka;
mod limits;
mod offload;
mod proxy;
mod serve;
mod store;
mod topic;

pub use cache::CacheSection;
pub use encryption::EncryptionSection;
pub use http::HttpSection;
pub use kafka::KafkaSection;
pub use limits::LimitsSection;
pub use offload::OffloadSection;
pub use proxy::ProxySection;
pub use serve::{ServeRuleSection, ServeSection};
pub use store::StoreSection;
pub use topic::TopicSection;
