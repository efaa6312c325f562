//! How things are: the facts that a person at 3 a.m. needs, worst first, from a sidecar itself or from what the sidecars
//! have left in the bucket.

mod fact;
mod of_bucket;
#[cfg(feature = "sidecar")]
mod of_sidecar;
mod page;
mod screen;

pub use of_bucket::{Unread, of_bucket};
#[cfg(feature = "sidecar")]
pub use of_sidecar::{Beside, of_sidecar};
#[cfg(feature = "sidecar")]
pub use page::Counts;
pub use page::StatusPage;
pub use screen::show;
