//! What the sidecars of a cluster tell each other through the bucket, and what a restore needs besides records.
//!
//! | object | written by | read by |
//! |---|---|---|
//! | summary ([`SummaryWriter`], [`SummaryReader`]) | its own node, where anything changed | everyone: proxies, `status`, gc |
//! | lease ([`Tier::take_lease`](crate::Tier::take_lease)) | its own node, at start and at its end | a sidecar that starts |
//! | state ([`Tier::write_state`](crate::Tier::write_state), [`Tier::read_state`](crate::Tier::read_state)) | one node for all | `restore` |
//!
//! All of them are hints or copies: nothing is served from them and nothing deleted because of them alone.

mod clock;
mod lease;
mod replace;
mod state;
mod summary;

pub use clock::Clocks;
pub use lease::{HeldLease, LeaseOutcome, LeaseRequest, LeaseState};
pub use state::{KeptState, StateOutcome};
pub use summary::{SummaryOutcome, SummaryReader, SummaryWriter};

pub(crate) use replace::{Replaced, replace};

use firnline_index::keys::ObjectKey;
use firnline_store::StoreError;

/// An object of the cluster that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The store did not answer, or refused.
    #[error("reach {key}")]
    Store {
        /// The object's key, or the prefix of a listing.
        key: String,
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
    /// What is there cannot be believed.
    #[error("{key} is damaged, or from a newer build")]
    Unreadable {
        /// The object's key.
        key: ObjectKey,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is another cluster's, node's or partition's: it was copied to a wrong place.
    #[error("{key} belongs to {found}; it was copied to a wrong place")]
    Foreign {
        /// The object's key.
        key: ObjectKey,
        /// Whose it is.
        found: String,
    },
    /// What is to be written cannot be.
    #[error("encode {key}")]
    Encode {
        /// The object's key.
        key: ObjectKey,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// More of something than is held in memory.
    #[error("there are more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are taken.
        limit: usize,
    },
    /// Others changed it each time.
    #[error("{key} changed under each attempt to write it; try again later")]
    Contended {
        /// The object's key.
        key: ObjectKey,
    },
}

impl ClusterError {
    pub(crate) fn store(key: impl ToString, source: StoreError) -> Self {
        Self::Store { key: key.to_string(), source: Box::new(source) }
    }

    pub(crate) fn unreadable(
        key: &ObjectKey,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unreadable { key: key.clone(), source: source.into() }
    }

    pub(crate) fn encode(
        key: &ObjectKey,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Encode { key: key.clone(), source: source.into() }
    }

    /// Whether another attempt may succeed without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Store { source, .. } => source.is_retriable(),
            Self::Contended { .. } => true,
            Self::Unreadable { .. } | Self::Foreign { .. } | Self::Encode { .. } | Self::TooMany { .. } => {
                false
            }
        }
    }
}
