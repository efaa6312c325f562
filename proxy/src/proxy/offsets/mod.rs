//! ListOffsets, OffsetForLeaderEpoch and DeleteRecords: the broker's answer, merged with what the tier has. All numbers have
//! places of fixed size in it, so that it is patched where it lies.

mod epochs;
mod floors;
mod list;
mod merge;
mod wait;

pub(crate) use epochs::patch_epochs;
pub(crate) use floors::{patch_deleted, patch_spared, spare};
pub(crate) use list::{patch_offsets, patch_unknown};
pub(crate) use wait::{Names, names_wanted};
