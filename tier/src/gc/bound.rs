//! What may go at most, and whether the clocks can tell what is young: the same of what no manifest names and of what no broker
//! owns.

use std::time::Duration;

use crate::cluster::Clocks;
use crate::retention::Share;

/// More than may go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{objects} objects of {bytes} bytes would go, {share} of what is there and more than {allowed}; look at --dry-run, then say --max-share"
)]
pub struct TooMuch {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The larger share of both.
    pub share: Share,
    /// What may go.
    pub allowed: Share,
}

/// What may go of what is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    /// Of objects, and of their bytes.
    pub(crate) share: Share,
    /// So many may always go: in a small partition a few objects are a large share.
    pub(crate) at_least: u64,
}

impl Bound {
    /// Refuses what is more than a share of what was listed: objects and bytes of both.
    pub(crate) fn hold(self, going: (u64, u64), listed: (u64, u64)) -> Result<(), TooMuch> {
        let (objects, bytes) = going;
        let share = Share::of(objects, listed.0).max(Share::of(bytes, listed.1));
        if objects <= self.at_least || share <= self.share {
            return Ok(());
        }
        Err(TooMuch { objects, bytes, share, allowed: self.share })
    }
}

/// Our clock and the store's are too far apart to tell what is young.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this machine's clock and the store's are {seconds} s apart: too far to tell what is young; set the clock right"
)]
pub struct ClocksApart {
    /// How far.
    pub seconds: u64,
}

impl ClocksApart {
    /// Refuses clocks that are further apart than this.
    pub(crate) fn hold(clocks: Clocks, skew: Duration) -> Result<(), Self> {
        match clocks.apart() {
            apart if apart > skew => Err(Self { seconds: apart.as_secs() }),
            _ => Ok(()),
        }
    }
}
