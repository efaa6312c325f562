//! Time-travel topics: `orders@2026-08-01` or `orders@-2h` is `orders` as its log stood then, to be read and not written.
//!
//! | question | answer |
//! |---|---|
//! | what does a name mean? | `name` |
//! | which ones have been asked for, and what stands behind them? | `past` |
//! | which topics of a request are such, and what is the broker asked in their stead? | `split` |
//! | what is answered? | `join`: from the tier, once the broker has consented; `records` |
//!
//! A broker knows no such topic. What a request says of one is taken out of it, and in its stead a question of ours goes ahead,
//! about the topic behind it, under the client's own rights: for Metadata the topic itself; for offsets where its log ends; for
//! records one that no log has, so that whoever may read it is told OFFSET_OUT_OF_RANGE, and nobody else. Only such partitions
//! are read. What the broker says otherwise is told of the topic as it stood.
//!
//! Names are learned from Metadata alone: whoever comes with one that is not known here is told by the broker that there is no such
//! topic, asks for Metadata, and comes again.

mod join;
mod name;
mod past;
mod records;
mod split;

pub(crate) use join::{Consents, Joined, Reading, join, most_bytes};
#[cfg(test)]
pub(crate) use name::PastName;
pub(crate) use past::Pasts;
pub(crate) use records::PastLater;
pub(crate) use split::{Split, Travelers, split};
