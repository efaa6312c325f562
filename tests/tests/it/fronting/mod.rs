//! `firnline proxy` before real brokers, with a sidecar that fills the tier.

mod doors;
mod hot_and_cold;
mod rig;
