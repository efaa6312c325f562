//! Real object stores and emulators. One of each serves a whole test binary; every test takes a bucket of its own.

mod azurite;
mod gateway;
mod gcs;
mod minio;
mod seaweedfs;

use std::sync::atomic::{AtomicU32, Ordering};

pub use azurite::Azurite;
pub use gateway::{Conditions, Gateway};
pub use gcs::Gcs;
pub use minio::{Minio, S3User};
pub use seaweedfs::SeaweedFs;

/// A bucket name that no other test of this process has.
fn fresh_name(purpose: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{purpose}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
