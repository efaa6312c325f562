//! The changes that a partition's manifest goes through besides commits, each a pure function for [`crate::Tier::edit`].
//!
//! | change | whose word it takes | |
//! |---|---|---|
//! | [`ClaimPartition`] | the leader's | nobody commits under an older epoch |
//! | [`DivideWanted`] | anyone's who holds a part | no gap reaches over what somebody holds |
//! | [`CutTier`] | the leader's, or an operator's | what the log truncated becomes a dead branch |
//! | [`RecordGap`] | the leader's, or an operator's | lost offsets are passed |
//! | [`ReplacePieces`] | the leader's | one segment takes the place of tail pieces |
//! | [`AddDead`] | anyone's | bytes that never counted are kept by name |
//! | [`RaiseFloor`] | anyone's who holds a floor object, or an operator's | what DeleteRecords removed is no longer live |
//! | [`SetBoundary`] | anyone's | uploads under way count as deleted |
//! | [`MarkDeleted`] | anyone's who knows | the topic is gone |
//! | [`UnmarkDeleted`] | an operator's | it is not |
//! | [`Project`] | the broker's, of a topic that it tiers itself | the manifest mirrors its metadata |
//!
//! Retention, which moves the tier's start, is a change of the same kind with steps around it; it rests on
//! `Manifest::retire_to`.

mod boundary;
mod claim;
mod cut;
mod dead;
mod deleted;
mod floor;
mod gap;
mod pieces;
mod project;

pub use boundary::SetBoundary;
pub use claim::{ClaimPartition, DivideWanted};
pub use cut::CutTier;
pub use dead::AddDead;
pub use deleted::{MarkDeleted, UnmarkDeleted};
pub use floor::RaiseFloor;
pub use gap::RecordGap;
pub use pieces::ReplacePieces;
pub use project::Project;
