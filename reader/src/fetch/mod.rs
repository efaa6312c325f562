//! Blocks: which are needed, how they are asked for, how they are checked.

mod blocks;
mod cached;
mod plan;
mod run;

pub(crate) use blocks::{Blocks, memory_of};
pub(crate) use cached::records;
pub(crate) use plan::{blocks_for, runs};
pub(crate) use run::{Fetcher, decode_all};
