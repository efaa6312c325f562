//! One trial of a store on one key.

use super::Flaw;
use crate::env::RandomExt;
use crate::error::{ErrorKind, StoreError};
use crate::object::{CreateOutcome, Fetched, UpdateOutcome, Version};
use crate::store::Store;
use bytes::Bytes;
use futures::future::join;

/// Times that an update is made whose answers are lost.
const UPDATE_TRIES: u32 = 8;

/// How a trial went wrong.
pub(super) enum Trouble {
    /// The store did what it must not.
    Flaw(Flaw),
    /// It looked so, but another probe was at work on the same key.
    Disturbed(Flaw),
    /// Nothing is known.
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

/// What is tried, and where.
pub(super) struct Trial<'a> {
    pub(super) store: &'a Store,
    pub(super) key: &'a str,
    /// Whether other probes use this key too: then it may hold an object already, and that may change at any time.
    pub(super) shared: bool,
    pub(super) can_list: bool,
}

impl Trial<'_> {
    /// Leaves the object where it is.
    pub(super) async fn run(&self) -> Result<(), Trouble> {
        let first = self.race_creates().await?;
        let updated = self.body("third");
        if !self.update(&updated, &first.version).await? {
            return Err(self.blame(Flaw::UpdateRefusesCurrentVersion, &[&first.bytes, &updated]).await?);
        }
        // Taken is a flaw, whoever else is at work: these bytes are nobody else's.
        if self.update(&self.body("stale"), &first.version).await? {
            return Err(Flaw::UpdateIgnoresCondition.into());
        }
        self.range(&updated).await?;
        self.listing().await
    }

    /// Of two creates of a key that nobody has, one wins; of a key that somebody has, none.
    async fn race_creates(&self) -> Result<Fetched, Trouble> {
        let [one, two] = [self.body("first"), self.body("second")];
        let (won_one, won_two) =
            join(self.store.create(self.key, one.clone()), self.store.create(self.key, two.clone())).await;
        let won = [won_one?, won_two?].map(|outcome| matches!(outcome, CreateOutcome::Created(_)));
        let written = match self.store.get(self.key).await {
            Ok(fetched) => fetched,
            Err(error) if !error.is_not_found() => return Err(error.into()),
            // Only a shared key's old object may go while we look, and only as the leftover of a day ago.
            Err(_) if self.shared => return Err(Trouble::Disturbed(Flaw::ReadIsStale)),
            Err(_) => return Err(Flaw::ReadIsStale.into()),
        };
        let expected = match won {
            [true, false] => one,
            [false, true] => two,
            [false, false] if self.shared => return Ok(written),
            _ => return Err(Flaw::CreateIgnoresCondition.into()),
        };
        if written.bytes == expected {
            return Ok(written);
        }
        Err(self.blame(Flaw::ReadIsStale, &[&expected]).await?)
    }

    /// Whether an update of the version known was taken. After a lost answer the bytes tell; if it was not, it is made again
    /// until the store says so itself.
    async fn update(&self, bytes: &Bytes, known: &Version) -> Result<bool, Trouble> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.store.update(self.key, bytes.clone(), known).await {
                Ok(outcome) => return Ok(matches!(outcome, UpdateOutcome::Updated(_))),
                Err(error) if error.is_ambiguous() && tries < UPDATE_TRIES => {}
                Err(error) => return Err(error.into()),
            }
            match self.store.get(self.key).await {
                Ok(found) if found.bytes == *bytes => return Ok(true),
                Ok(_) => {}
                Err(error) if error.is_not_found() => {
                    return Err(self.blame(Flaw::ReadIsStale, &[]).await?);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn range(&self, written: &Bytes) -> Result<(), Trouble> {
        let inner = 3..written.len() - 3;
        let exact = match self.store.get_range(self.key, 3..inner.end as u64).await {
            Ok(bytes) => bytes == written[inner],
            Err(error) => match error.kind() {
                ErrorKind::Truncated | ErrorKind::BeyondEnd { .. } | ErrorKind::NotFound => false,
                _ => return Err(error.into()),
            },
        };
        if exact { Ok(()) } else { Err(self.blame(Flaw::RangeIsInexact, &[written]).await?) }
    }

    async fn listing(&self) -> Result<(), Trouble> {
        if !self.can_list {
            return Ok(());
        }
        let (listed, _) = self.store.list(self.key, None).collect_up_to(1).await?;
        if listed.first().is_some_and(|object| object.key == self.key) {
            return Ok(());
        }
        match self.shared && !exists(self.store, self.key).await? {
            true => Err(Trouble::Disturbed(Flaw::ListIsStale)),
            false => Err(Flaw::ListIsStale.into()),
        }
    }

    /// Whose fault a contradiction is: the store's, unless this key is shared and holds now neither of `known`.
    async fn blame(&self, flaw: Flaw, known: &[&Bytes]) -> Result<Trouble, StoreError> {
        if !self.shared {
            return Ok(flaw.into());
        }
        match self.store.get(self.key).await {
            Ok(found) if known.iter().any(|bytes| **bytes == found.bytes) => Ok(flaw.into()),
            Ok(_) => Ok(Trouble::Disturbed(flaw)),
            Err(error) if error.is_not_found() => Ok(Trouble::Disturbed(flaw)),
            Err(error) => Err(error),
        }
    }

    /// Bytes that no other probe writes.
    fn body(&self, what: &str) -> Bytes {
        format!("firnline probe {what} {}\n", self.store.env().random.hex_id()).into()
    }
}

pub(super) async fn exists(store: &Store, key: &str) -> Result<bool, StoreError> {
    match store.get(key).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
