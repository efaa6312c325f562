//! Does this store do what safety rests on? Asked once, before the first write of a process.
//!
//! | step | request | what a bad store does |
//! |---|---|---|
//! | leftovers | 1 LIST, 1 DELETE each | – |
//! | two creates race for one key | 2 CREATE | both win: the second writer of a manifest erases the first |
//! | read after write | 1 GET | shows nothing, or other bytes |
//! | update of the version read | 1 UPDATE | refuses |
//! | update of the version before | 1 UPDATE | takes it: a stale writer wins |
//! | exact range | 1 GET | sends the whole object, or other bytes |
//! | list after write | 1 LIST | does not know the object |
//! | delete, read after delete | 1 DELETE, 1 GET | still shows it |
//!
//! Ten requests in all where every permission is there and nothing is left over. A writer without the right to delete
//! leaves one small object; the next probe finds it and uses it again instead of adding another one, with both racing
//! creates expected to lose. A writer without the right to list is told of by [`Capabilities::can_list`].
//!
//! A probe proves nothing for ever: a store may begin to ignore conditions later. That is why a commit is read back.

use crate::codes::{self, Code};
use crate::env::RandomExt;
use crate::error::{ErrorKind, StoreError};
use crate::object::{CreateOutcome, Fetched, UpdateOutcome, Version};
use crate::store::Store;
use bytes::Bytes;
use futures::future::join;

/// Where probes write, beneath the store's prefix.
const PLACE: &str = "probe/";

/// Leftovers of earlier probes looked at in one run.
const LEFTOVERS: usize = 16;

/// Times that an update is made whose answers are lost.
const UPDATE_TRIES: u32 = 8;

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

/// How one probe went wrong.
enum Trouble {
    Flaw(Flaw),
    Error(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Error(error)
    }
}

impl From<Flaw> for Trouble {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

impl Store {
    /// Tries out everything that writing rests on, and cleans up. Ten requests; see the module's table. Safe to run from
    /// many processes at once. Dropped half-way it leaves an object that the next probe removes.
    pub async fn probe(&self) -> Result<Capabilities, ProbeError> {
        probe(self).await.map_err(|trouble| match trouble {
            Trouble::Flaw(flaw) => ProbeError::Flawed { store: self.to_string(), flaw },
            Trouble::Error(source) => ProbeError::Failed { store: self.to_string(), source },
        })
    }
}

async fn probe(store: &Store) -> Result<Capabilities, Trouble> {
    let leftovers = clear_leftovers(store).await?;
    let (key, taken) = match leftovers.kept {
        Some(key) => (key, true),
        None => (format!("{PLACE}{}", store.env().random.hex_id()), false),
    };
    let checked = check(store, &key, taken, leftovers.can_list).await;
    // Whatever came of it, the object goes.
    let can_delete = match store.delete(&key).await {
        Ok(()) => true,
        Err(error) if *error.kind() == ErrorKind::Denied => false,
        Err(error) => return Err(checked.err().unwrap_or(error.into())),
    };
    checked?;
    if can_delete && exists(store, &key).await? {
        return Err(Flaw::DeleteIsIgnored.into());
    }
    Ok(Capabilities { can_delete, can_list: leftovers.can_list })
}

struct Leftovers {
    /// One that could not be deleted, to be used again.
    kept: Option<String>,
    can_list: bool,
}

async fn clear_leftovers(store: &Store) -> Result<Leftovers, StoreError> {
    let found = match store.list(PLACE, None).collect_up_to(LEFTOVERS).await {
        Ok((found, _)) => found,
        Err(error) if *error.kind() == ErrorKind::Denied => {
            return Ok(Leftovers { kept: None, can_list: false });
        }
        Err(error) => return Err(error),
    };
    for object in found {
        match store.delete(&object.key).await {
            Ok(()) => {}
            Err(error) if *error.kind() == ErrorKind::Denied => {
                return Ok(Leftovers { kept: Some(object.key), can_list: true });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Leftovers { kept: None, can_list: true })
}

async fn check(store: &Store, key: &str, taken: bool, can_list: bool) -> Result<(), Trouble> {
    let racers = [body(store, "first"), body(store, "second")];
    let [one, two] = &racers;
    let (one, two) = join(store.create(key, one.clone()), store.create(key, two.clone())).await;
    let won = [one?, two?].map(|outcome| matches!(outcome, CreateOutcome::Created(_)));
    let written = read(store, key).await?;
    match (taken, won) {
        (false, [true, false]) if written.bytes == racers[0] => {}
        (false, [false, true]) if written.bytes == racers[1] => {}
        (false, [true, false] | [false, true]) => return Err(Flaw::ReadIsStale.into()),
        (true, [false, false]) => {}
        _ => return Err(Flaw::CreateIgnoresCondition.into()),
    }
    let updated = body(store, "third");
    update(store, key, &updated, &written.version, true).await?;
    update(store, key, &body(store, "stale"), &written.version, false).await?;
    let middle = 3..updated.len() as u64 - 3;
    match store.get_range(key, middle).await {
        Ok(bytes) if bytes == updated[3..updated.len() - 3] => {}
        Ok(_) => return Err(Flaw::RangeIsInexact.into()),
        Err(error) if matches!(error.kind(), ErrorKind::Truncated | ErrorKind::BeyondEnd { .. }) => {
            return Err(Flaw::RangeIsInexact.into());
        }
        Err(error) => return Err(error.into()),
    }
    if can_list {
        let (listed, _) = store.list(key, None).collect_up_to(1).await?;
        if listed.first().is_none_or(|object| object.key != key) {
            return Err(Flaw::ListIsStale.into());
        }
    }
    Ok(())
}

/// Bytes that no other probe writes.
fn body(store: &Store, what: &str) -> Bytes {
    format!("firnline probe {what} {}\n", store.env().random.hex_id()).into()
}

async fn read(store: &Store, key: &str) -> Result<Fetched, Trouble> {
    match store.get(key).await {
        Ok(fetched) => Ok(fetched),
        Err(error) if error.is_not_found() => Err(Flaw::ReadIsStale.into()),
        Err(error) => Err(error.into()),
    }
}

async fn exists(store: &Store, key: &str) -> Result<bool, Trouble> {
    match store.get(key).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// An update that has to be taken, or has to be refused. After a lost answer the bytes tell whether it was taken; if it was
/// not, it is made again until the store says so itself.
async fn update(
    store: &Store,
    key: &str,
    bytes: &Bytes,
    known: &Version,
    wanted: bool,
) -> Result<(), Trouble> {
    let mut tries = 0;
    let taken = loop {
        tries += 1;
        match store.update(key, bytes.clone(), known).await {
            Ok(outcome) => break matches!(outcome, UpdateOutcome::Updated(_)),
            Err(error) if error.is_ambiguous() && tries < UPDATE_TRIES => {}
            Err(error) => return Err(error.into()),
        }
        if read(store, key).await?.bytes == *bytes {
            break true;
        }
    };
    match (taken, wanted) {
        (false, true) => Err(Flaw::UpdateRefusesCurrentVersion.into()),
        (true, false) => Err(Flaw::UpdateIgnoresCondition.into()),
        _ => Ok(()),
    }
}
