//! Behaviour of the store seam.

mod directory;
mod memory;
mod simulation;
#[cfg(all(feature = "s3", feature = "gcs"))]
mod wire;
