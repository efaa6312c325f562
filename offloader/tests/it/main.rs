//! Behaviour of the offloader: over logs in memory and a simulated store, and over real directories.

mod directories;
mod jobs;
mod sim;
mod world;
