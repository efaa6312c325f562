//! Behaviour of a tier over a simulated store and over a directory.

mod checking;
mod committing;
mod crashing;
mod listing;
mod opening;
mod restoring;
mod support;
mod uploading;
