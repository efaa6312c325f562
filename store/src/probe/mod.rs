//! Does this store do what safety rests on? Asked once, before the first write of a process.
//!
//! | step | request | what a bad store does |
//! |---|---|---|
//! | what earlier probes left | 1 LIST, 1 DELETE each | – |
//! | may this identity delete? | 1 DELETE of a key that is not there | – |
//! | two creates race for one key | 2 CREATE | both win: the second writer of a manifest erases the first |
//! | read after write | 1 GET | shows nothing, or other bytes |
//! | update of the version read | 1 UPDATE | refuses |
//! | update of the version before | 1 UPDATE | takes it: a stale writer wins |
//! | exact range | 1 GET | sends the whole object, or other bytes |
//! | list after write | 1 LIST | does not know the object |
//! | delete, read after delete | 1 DELETE, 1 GET | still shows it |
//!
//! Eleven requests where every permission is there and nothing is left over. Many processes may probe at once:
//!
//! - A probe that may delete works on a key of its own. What a probe left that was killed goes a day later, when nobody
//!   can still be at work on it.
//! - A probe that may not delete would add an object each time, so it takes one of [`SHARED_KEYS`] keys that stay and are
//!   used again. Another probe may be at work on that key: an answer that contradicts us counts against the store only
//!   where no other probe's bytes are found there; else the trial is made again on another key.
//!
//! A writer without the right to list is told of by [`Capabilities::can_list`]. A probe proves nothing for ever: a store
//! may begin to ignore conditions later. That is why a commit is read back.

#[cfg(test)]
mod tests;
mod trial;

use crate::codes::{self, Code};
use crate::env::RandomExt;
use crate::error::{ErrorKind, StoreError};
use crate::store::Store;
use std::time::Duration;
use trial::{Trial, Trouble};

/// Where probes write, beneath the store's prefix.
const PLACE: &str = "probe/";

/// What the keys begin with that probes without the right to delete share.
const SHARED: &str = "probe/shared-";

/// How many of them there are: the most objects that such probes ever leave.
const SHARED_KEYS: u64 = 32;

/// Trials on shared keys before an answer counts against the store although other probes were seen.
const SHARED_TRIALS: u32 = 12;

/// The longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Leftovers of earlier probes removed in one run.
const LEFTOVERS: usize = 16;

/// Age at which an object is a leftover: far beyond any probe, and beyond any error of the clock that a store forgives.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 3600);

/// What the store and this identity can do. Conditional create and update, exact ranges and reads after writes always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether this identity may delete objects.
    pub can_delete: bool,
    /// Whether this identity may list objects.
    pub can_list: bool,
}

/// What the store got wrong: nothing may be written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// Of two creates of one key, not exactly one won.
    CreateIgnoresCondition,
    /// An update of the current version was refused.
    UpdateRefusesCurrentVersion,
    /// An update of a version that was no longer current took effect.
    UpdateIgnoresCondition,
    /// What was just written was not there, or was something else.
    ReadIsStale,
    /// A range came as other bytes.
    RangeIsInexact,
    /// A listing did not know what was just written.
    ListIsStale,
    /// What was just deleted was still there.
    DeleteIsIgnored,
}

impl Flaw {
    fn describe(self) -> &'static str {
        match self {
            Self::CreateIgnoresCondition => "of two creates of the same key, not exactly one won",
            Self::UpdateRefusesCurrentVersion => "an update of the current version was refused",
            Self::UpdateIgnoresCondition => "an update of a version that was no longer current took effect",
            Self::ReadIsStale => "an object just written was not read back as written",
            Self::RangeIsInexact => "a range was answered with other bytes",
            Self::ListIsStale => "an object just written was missing from the listing",
            Self::DeleteIsIgnored => "an object just deleted was still there",
        }
    }
}

/// Why a store cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It does not keep a promise that safety rests on.
    #[error("{store} cannot be used for writing: {}", flaw.describe())]
    Flawed {
        /// The store's address.
        store: String,
        /// Which promise.
        flaw: Flaw,
    },
    /// A request failed, so that nothing is known.
    #[error("probe {store}")]
    Failed {
        /// The store's address.
        store: String,
        /// The request that failed.
        #[source]
        source: StoreError,
    },
}

impl ProbeError {
    /// The stable code for the error page.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Flawed { .. } => codes::PROBE_FAILED,
            Self::Failed { source, .. } => source.code(),
        }
    }
}

impl Store {
    /// Tries out everything that writing rests on, and cleans up. Eleven requests; see the module's table. Safe to run from
    /// many processes at once. Dropped half-way it leaves an object that a probe removes a day later.
    pub async fn probe(&self) -> Result<Capabilities, ProbeError> {
        probe(self).await.map_err(|trouble| match trouble {
            Trouble::Flaw(flaw) | Trouble::Disturbed(flaw) => {
                ProbeError::Flawed { store: self.to_string(), flaw }
            }
            Trouble::Error(source) => ProbeError::Failed { store: self.to_string(), source },
        })
    }
}

async fn probe(store: &Store) -> Result<Capabilities, Trouble> {
    let can_list = clear_leftovers(store).await?;
    let key = format!("{PLACE}{}", store.env().random.hex_id());
    let can_delete = if may_delete(store, &key).await? {
        on_own_key(store, &key, can_list).await?
    } else {
        on_shared_keys(store, can_list).await?;
        false
    };
    Ok(Capabilities { can_delete, can_list })
}

/// Whether the trial's object could be deleted.
async fn on_own_key(store: &Store, key: &str, can_list: bool) -> Result<bool, Trouble> {
    let checked = Trial { store, key, shared: false, can_list }.run().await;
    // Whatever came of it, the object goes.
    let can_delete = match may_delete(store, key).await {
        Ok(can_delete) => can_delete,
        Err(error) => return Err(checked.err().unwrap_or(error.into())),
    };
    checked?;
    if can_delete && trial::exists(store, key).await? {
        return Err(Flaw::DeleteIsIgnored.into());
    }
    Ok(can_delete)
}

async fn on_shared_keys(store: &Store, can_list: bool) -> Result<(), Trouble> {
    let random = &store.env().random;
    let mut pause = Duration::from_millis(50);
    for _ in 1..SHARED_TRIALS {
        let key = format!("{SHARED}{:02}", random.below(SHARED_KEYS));
        match (Trial { store, key: &key, shared: true, can_list }).run().await {
            Err(Trouble::Disturbed(_)) => {}
            outcome => return outcome,
        }
        let longest = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tokio::time::sleep(Duration::from_millis(random.below(longest))).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
    let key = format!("{SHARED}{:02}", random.below(SHARED_KEYS));
    Trial { store, key: &key, shared: true, can_list }.run().await
}

/// Deletes the object, if it is there. `false`: this identity may not.
async fn may_delete(store: &Store, key: &str) -> Result<bool, StoreError> {
    match store.delete(key).await {
        Ok(()) => Ok(true),
        Err(error) if *error.kind() == ErrorKind::Denied => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes what killed probes left, where that is allowed. Returns whether this identity may list.
async fn clear_leftovers(store: &Store) -> Result<bool, StoreError> {
    let enough = LEFTOVERS + usize::try_from(SHARED_KEYS).expect("a small number");
    let found = match store.list(PLACE, None).collect_up_to(enough).await {
        Ok((found, _)) => found,
        Err(error) if *error.kind() == ErrorKind::Denied => return Ok(false),
        Err(error) => return Err(error),
    };
    let age_ms = i64::try_from(LEFTOVER_AGE.as_millis()).expect("a day in milliseconds");
    let oldest = store.env().clock.now_ms().saturating_sub(age_ms);
    let left = found.iter().filter(|object| object.last_modified_ms < oldest);
    for object in left.take(LEFTOVERS) {
        if !may_delete(store, &object.key).await? {
            break;
        }
    }
    Ok(true)
}
