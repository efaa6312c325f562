//! Writes of whole objects, and deletes.
//!
//! Who needs to know whether *this* write was the one that took effect must put something of his own into the bytes (a
//! manifest carries its commit id) and read it back when told [`crate::ErrorKind::Ambiguous`], `Exists` or `Conflict`: the
//! first answer may have been lost, and others may have written since.

use super::Store;
use crate::backend::{PutMode, Stored};
use crate::checksum::Sums;
use crate::counts::RequestKind;
use crate::error::StoreError;
use crate::fault::Attempt;
use crate::key::Key;
use crate::object::{CreateOutcome, Payload, UpdateOutcome, Version};

impl Store {
    /// Writes an object if the key is free. One PUT (If-None-Match).
    ///
    /// After a lost answer the object is read back (one GET more): our bytes mean `Created`, other bytes mean `Exists`, no
    /// object means another try. So for an object that nobody changes later the answer is exact. Where others may update it,
    /// `Exists` can also mean that ours was created and has been replaced since.
    pub async fn create(&self, key: &str, payload: impl Into<Payload>) -> Result<CreateOutcome, StoreError> {
        let key = self.key(RequestKind::Create, key)?;
        let payload = payload.into();
        let sums = self.sums(&payload);
        let operation = self.operation(RequestKind::Create, key.as_str(), payload.len());
        let mut in_doubt = false;
        loop {
            let answer =
                operation.run_conditional(|| self.put_once(&key, &payload, &sums, PutMode::Create)).await;
            match answer {
                Ok(Some(stored)) => return Ok(CreateOutcome::Created(stored.version)),
                Ok(None) if !in_doubt => return Ok(CreateOutcome::Exists),
                Ok(None) => {}
                Err(error) if error.is_ambiguous() => in_doubt = true,
                Err(error) => return Err(error),
            }
            match self.get(key.as_str()).await {
                Ok(found) if payload.content_equals(&found.bytes) => {
                    return Ok(CreateOutcome::Created(found.version));
                }
                Ok(_) => return Ok(CreateOutcome::Exists),
                Err(error) if error.is_not_found() && operation.has_time_left() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Replaces exactly the version `known`. One PUT (If-Match). An absent object is a `Conflict`.
    ///
    /// A lost answer is [`crate::ErrorKind::Ambiguous`] and nothing is tried again: read back and decide.
    pub async fn update(
        &self,
        key: &str,
        payload: impl Into<Payload>,
        known: &Version,
    ) -> Result<UpdateOutcome, StoreError> {
        let key = self.key(RequestKind::Update, key)?;
        let payload = payload.into();
        let sums = self.sums(&payload);
        let stored = self
            .operation(RequestKind::Update, key.as_str(), payload.len())
            .run_conditional(|| self.put_once(&key, &payload, &sums, PutMode::Update(known)))
            .await?;
        Ok(stored.map_or(UpdateOutcome::Conflict, |stored| UpdateOutcome::Updated(stored.version)))
    }

    /// Writes an object under a key that nobody else ever writes (it carries a fresh id). One PUT; repeated after a lost
    /// answer, since the same bytes twice are the same object.
    pub async fn put_unique(&self, key: &str, payload: impl Into<Payload>) -> Result<Version, StoreError> {
        let key = self.key(RequestKind::Put, key)?;
        let payload = payload.into();
        let sums = self.sums(&payload);
        Ok(self.put_whole(&key, &payload, &sums, PutMode::Unique).await?.version)
    }

    /// A write without condition, in `mode` [`PutMode::Unique`] or [`PutMode::Segment`].
    pub(crate) async fn put_whole(
        &self,
        key: &Key,
        payload: &Payload,
        sums: &Sums,
        mode: PutMode<'_>,
    ) -> Result<Stored, StoreError> {
        self.operation(RequestKind::Put, key.as_str(), payload.len())
            .run(|| self.put_once(key, payload, sums, mode))
            .await
    }

    /// Deletes an object; one that is not there counts as deleted. One DELETE.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let key = self.key(RequestKind::Delete, key)?;
        let gone =
            self.operation(RequestKind::Delete, key.as_str(), 0).run(|| self.backend().delete(&key)).await;
        match gone {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }

    /// One attempt, with the store's own checksum compared where it tells one.
    async fn put_once(
        &self,
        key: &Key,
        payload: &Payload,
        sums: &Sums,
        mode: PutMode<'_>,
    ) -> Attempt<Stored> {
        self.counts().sent(payload.len());
        let stored = self.backend().put(key, payload.clone(), mode).await?;
        stored.check(sums)?;
        Ok(stored)
    }

    fn sums(&self, payload: &Payload) -> Sums {
        Sums::of(payload, self.backend().tells_crc32c())
    }
}
