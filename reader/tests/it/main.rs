//! The reader against tiers built batch by batch, on a simulated store.

mod damage;
mod gone;
mod local;
mod log;
mod model;
mod reads;
mod requests;
mod scans;
mod tier;
mod timestamps;
mod transactions;
mod weather;
