//! Behaviour of the store seam.

mod directory;
mod memory;
mod simulation;
