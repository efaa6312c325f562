//! Changes that Debezium captured, from a tier through a job into tables, in a simulated store.

mod changes;
#[path = "../../../reader/tests/it/log.rs"]
#[expect(dead_code, reason = "the reader's tests use more of it")]
mod log;
mod source;
#[path = "../../../reader/tests/it/tier.rs"]
#[expect(dead_code, reason = "the reader's tests use more of it")]
mod tier;
