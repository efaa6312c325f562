//! `firnline proxy` before real brokers, with a sidecar that fills the tier.

mod doors;
mod handshake;
mod hot_and_cold;
mod past;
mod rig;
