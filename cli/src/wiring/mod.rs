//! From the config's shape to the settings of the components: key by key, each section taken apart in full, so that a key
//! that nothing uses does not compile.

mod reader;
mod store;
mod tier;

pub use reader::reader;
pub use store::{count, prices, store, tier_address, unreadable};
pub use tier::tier;
