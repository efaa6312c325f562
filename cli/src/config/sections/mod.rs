//! The sections, one file each.

mod cache;
mod limits;
mod offload;
mod store;
mod topic;

pub use cache::CacheSection;
pub use limits::LimitsSection;
pub use offload::OffloadSection;
pub use store::StoreSection;
pub use topic::TopicSection;
