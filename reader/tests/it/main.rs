//! The reader against tiers built batch by batch, on a simulated store.

mod damage;
mod disk;
mod disk_refused;
mod ended;
mod gone;
#[path = "../../../logdir/tests/it/holder.rs"]
#[expect(dead_code, reason = "which process it is does not matter here")]
mod holder;
mod local;
mod log;
mod model;
mod positions;
mod reads;
mod requests;
mod rest;
mod rest_again;
mod scans;
mod tier;
mod timestamps;
mod transactions;
mod weather;
