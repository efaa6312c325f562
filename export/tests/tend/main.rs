//! Tables that jobs have made, kept in shape and held against the log, in a simulated store.

#[path = "../it/foreign.rs"]
mod foreign;
#[path = "../it/ledger.rs"]
#[expect(dead_code, reason = "the jobs' own tests use more of it")]
mod ledger;
#[path = "../it/log.rs"]
#[expect(dead_code, reason = "the jobs' own tests use more of it")]
mod log;
mod maintains;
#[path = "../it/meddled.rs"]
mod meddled;
mod states;
#[path = "../it/tier.rs"]
#[expect(dead_code, reason = "the jobs' own tests use more of it")]
mod tier;
mod verifies;
#[path = "../it/world.rs"]
mod world;
