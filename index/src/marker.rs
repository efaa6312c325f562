//! The bucket's marker `firnline.json`: whose tier this is, in which format, and how old a reader's manifest may be.
//!
//! Written when a tier is first used, by a create that fails where one exists, and again when a newer build first writes
//! to the tier, so that older ones refuse all of it and not one object here and there. Whether its cluster is the right one
//! is for the caller to judge.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checked_json;
pub use crate::checked_json::{JsonObjectError, MAX_JSON_BYTES};
use crate::ids::ClusterId;

/// The version of all binary objects that this build writes, and the newest it reads. It is frozen; 0 was its preview, which
/// has the same bytes but for the number.
pub const FORMAT_VERSION: u16 = 1;

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierMarker {
    /// The format version that the tier's objects are written in.
    pub format: u16,
    /// The cluster that the tier belongs to.
    pub cluster_id: ClusterId,
    /// How old a manifest may be in a reader; deleters wait twice that after they committed.
    pub max_manifest_age: Duration,
}

/// The members. Those not listed are not looked at: a newer build may add some that an older one need not know.
#[derive(Serialize, Deserialize)]
struct Members {
    v: u64,
    format: u64,
    cluster_id: String,
    max_manifest_age_ms: u64,
}

impl TierMarker {
    /// The smallest age that may be set: below it readers would do little but refresh.
    pub const MIN_AGE: Duration = Duration::from_secs(1);
    /// The largest age that may be set: deletions wait twice that.
    pub const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

    /// A marker of this build's format.
    ///
    /// # Errors
    /// Where the age is outside [`Self::MIN_AGE`]`..=`[`Self::MAX_AGE`].
    pub fn new(cluster_id: ClusterId, max_manifest_age: Duration) -> Result<Self, JsonObjectError> {
        check_age(max_manifest_age)?;
        Ok(Self { format: FORMAT_VERSION, cluster_id, max_manifest_age })
    }

    /// The marker of the same tier once this build writes to it; `None` where it says so already.
    #[must_use]
    pub fn raised(&self) -> Option<Self> {
        (self.format < FORMAT_VERSION).then(|| Self { format: FORMAT_VERSION, ..self.clone() })
    }

    /// The marker as an object.
    ///
    /// # Errors
    /// Where the age is outside its limits.
    pub fn encode(&self) -> Result<Vec<u8>, JsonObjectError> {
        checked_json::write(&Members {
            v: checked_json::LAYOUT,
            format: self.format.into(),
            cluster_id: self.cluster_id.to_string(),
            max_manifest_age_ms: check_age(self.max_manifest_age)?,
        })
    }

    /// Reads a marker.
    ///
    /// # Errors
    /// For text that is damaged, cut short or foreign, and for a format newer than [`FORMAT_VERSION`], naming both.
    pub fn decode(bytes: &[u8]) -> Result<Self, JsonObjectError> {
        let members: Members = checked_json::read(bytes)?;
        checked_json::refuse_newer("layout of the marker", members.v, checked_json::LAYOUT)?;
        checked_json::refuse_newer("format", members.format, FORMAT_VERSION.into())?;
        let max_manifest_age = Duration::from_millis(members.max_manifest_age_ms);
        check_age(max_manifest_age)?;
        Ok(Self {
            format: u16::try_from(members.format).unwrap_or(FORMAT_VERSION),
            cluster_id: checked_json::value("cluster_id", ClusterId::new(&members.cluster_id))?,
            max_manifest_age,
        })
    }
}

/// The age in milliseconds, if it is allowed.
fn check_age(age: Duration) -> Result<u64, JsonObjectError> {
    let found = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    if (TierMarker::MIN_AGE..=TierMarker::MAX_AGE).contains(&age) {
        return Ok(found);
    }
    Err(JsonObjectError::OutOfRange { member: "max_manifest_age_ms", found, limits: "1000..=604800000" })
}
