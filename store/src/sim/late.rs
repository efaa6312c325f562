//! Writes that arrive long after everybody has given them up.

use super::backend::Shared;
use crate::backend::{PartTag, PutMode, UploadId};
use crate::key::Key;
use crate::object::{Payload, Version};
use futures::FutureExt;
use tokio::time::Instant;

/// A write on its way.
#[derive(Clone, Debug)]
pub(super) struct LateWrite {
    pub(super) due: Instant,
    pub(super) key: Key,
    pub(super) what: Late,
}

/// What it will do.
#[derive(Clone, Debug)]
pub(super) enum Late {
    Put(Payload, LateMode),
    Complete(UploadId, Vec<PartTag>),
    Delete,
}

/// [`PutMode`], owned.
#[derive(Clone, Debug)]
pub(super) enum LateMode {
    Unique,
    Segment(Option<String>),
    Create,
    Update(Version),
}

impl LateMode {
    pub(super) fn of(mode: PutMode<'_>) -> Self {
        match mode {
            PutMode::Unique => Self::Unique,
            PutMode::Segment(class) => Self::Segment(class.map(str::to_owned)),
            PutMode::Create => Self::Create,
            PutMode::Update(version) => Self::Update(version.clone()),
        }
    }

    fn as_mode(&self) -> PutMode<'_> {
        match self {
            Self::Unique => PutMode::Unique,
            Self::Segment(class) => PutMode::Segment(class.as_deref()),
            Self::Create => PutMode::Create,
            Self::Update(version) => PutMode::Update(version),
        }
    }
}

impl Shared {
    /// Applies what is due. Nobody hears what came of it: a condition that does not hold any more is all the same.
    pub(super) fn settle_late(&self) {
        loop {
            let now = Instant::now();
            let next = {
                let mut world = self.world();
                let due = world.late.iter().enumerate().filter(|(_, write)| write.due <= now);
                let first = due.min_by_key(|(at, write)| (write.due, *at)).map(|(at, _)| at);
                first.map(|at| world.late.remove(at))
            };
            let Some(LateWrite { key, what, .. }) = next else { return };
            // Memory answers at once.
            match what {
                Late::Put(payload, mode) => drop(self.put(&key, payload, mode.as_mode()).now_or_never()),
                Late::Complete(upload, parts) => drop(self.complete(&key, &upload, &parts).now_or_never()),
                Late::Delete => drop(self.delete(&key).now_or_never()),
            }
        }
    }

    async fn put(&self, key: &Key, payload: Payload, mode: PutMode<'_>) {
        drop(self.apply_put(key, payload, mode).await);
    }

    async fn complete(&self, key: &Key, upload: &UploadId, parts: &[PartTag]) {
        drop(self.apply_complete(key, upload, parts).await);
    }

    async fn delete(&self, key: &Key) {
        drop(self.apply_delete(key).await);
    }
}
