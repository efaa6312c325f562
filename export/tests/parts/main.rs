//! What exports are made of, each against tiers built batch by batch on a simulated store: reading, rows, files, plain
//! exports.

mod custom;
mod files;
#[path = "../../../reader/tests/it/log.rs"]
#[expect(dead_code, reason = "the reader's tests use more of it")]
mod log;
mod plain;
mod plain_again;
mod rows;
mod rows_schemas;
mod source;
#[path = "../../../reader/tests/it/tier.rs"]
#[expect(dead_code, reason = "the reader's tests use more of it")]
mod tier;
