//! The sections, one file each.

mod cache;
mod encryption;
mod limits;
mod plugin;
mod segments;
mod store;

pub use cache::CacheSection;
pub use encryption::EncryptionSection;
pub use limits::LimitsSection;
pub use plugin::PluginSection;
pub use segments::SegmentsSection;
pub use store::StoreSection;
