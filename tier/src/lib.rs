//! What changes or checks a tier: open, upload, verify, commit, restore, check.
//!
//! | question | answer |
//! |---|---|
//! | is this a tier, and whose? | [`Tier::open`], [`Tier::open_for_writing`] |
//! | which topics and partitions does it hold? | [`Tier::topics`], [`Tier::partitions`], [`resolve`] |
//! | what does it hold of a partition? | [`Tier::manifest`], [`Tier::entries`] |
//! | put a stretch of a log into the store | [`Tier::upload_segment`]; no faster than allowed, [`Tier::upload_paced`] |
//! | the same under the id that a broker gave it | [`Tier::upload_broker_segment`] |
//! | make it part of the tier | [`Tier::commit`] |
//! | change a manifest in another way | [`Tier::edit`], with one of [`change`] |
//! | does it hold these bytes? | [`Tier::covers`] |
//! | is everything there, and right? | [`Tier::check`]; at a trickle, [`scrub`] |
//! | what is too old leaves | [`Tier::plan_retention`], [`Tier::retire`], then [`Tier::delete_condemned`] |
//! | what nothing names goes | [`Tier::gc`], then [`Tier::delete_condemned`] |
//! | what brokers with KIP-405 tier: a mirror made anew, objects that are nobody's | [`mirror`] |
//! | records deleted by an explicit act | [`Tier::write_floor`], [`Tier::fold_floors`] |
//! | what an operator decided of a topic | [`policy`] |
//! | what sidecars tell each other | [`cluster`] |
//! | the key that seals a topic | [`keys`], [`Tier::with_key_ring`], [`Tier::rewrap`] |
//! | give a partition's segments to brokers of another cluster | [`Tier::plan_attach`], [`Tier::told_of`], [`Tier::set_attached`] |
//! | get a stretch of a log back as files | [`Tier::plan_restore`], [`Tier::restore`] |
//!
//! This crate must never talk to Kafka; never delete an object but through [`Tier::delete_condemned`] (and
//! what no broker owns, by [`Tier::delete_unowned`], floors that are folded, hints and its own probes); never overwrite a page or a
//! segment, but for one that a broker has named, with itself; never change a
//! manifest but by a conditional put; never call a write done whose outcome it has not read back; and never retry a
//! request by itself, which the store does.

pub mod attach;
mod catalog;
pub mod change;
pub mod check;
pub mod cluster;
mod commit;
mod covers;
mod edit;
pub mod floors;
pub mod gc;
pub mod keys;
mod manifests;
pub mod mirror;
mod open;
pub mod policy;
pub mod restore;
pub mod retention;
pub mod scrub;
mod segments;
mod settings;
mod step;
mod tier;
mod upload;
mod workers;

pub use catalog::{
    KnownTopic, ListError, MAX_PARTITIONS, MAX_TOPICS, ResolveError, TopicObjectError, resolve,
};
pub use commit::{Basis, CommitError, CommitOutcome, CommitRequest};
pub use edit::{Applied, Edit, EditError, EditOutcome, Fence, Known, Lost, Refused};
pub use manifests::{Entries, LoadedManifest, ReadError};
pub use open::OpenTierError;
pub use segments::TailError;
pub use settings::TierSettings;
pub use step::{FaultPoint, NoFaults, Step};
pub use tier::{Tier, TierParts};
pub use upload::{
    BrokerSegment, Pace, Pacer, SegmentForm, SegmentPlan, Unpaced, UploadError, UploadOutcome,
    UploadedSegment,
};
pub use workers::Workers;

/// What is made of random bytes, for those who know the store only through a tier.
pub use firnline_store::env::RandomExt;
