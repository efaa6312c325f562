//! What the registry said.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::RegistryError;
use crate::framing::SchemaRef;
use crate::schema::WriterSchema;

/// How long it is believed that there is no schema: records come before their schema where registries are copied.
const NOT_FOUND: Duration = Duration::from_secs(30);
/// The most that is kept. Past it all of it is forgotten, which costs requests alone.
const ENTRIES_MAX: usize = 10_000;

/// A schema, or why there is none.
type Told = Result<WriterSchema, RegistryError>;

/// One entry: whoever comes first asks, the others wait for the same answer.
#[derive(Debug, Default)]
struct Entry {
    told: OnceCell<(Told, Instant)>,
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: Mutex<HashMap<SchemaRef, Arc<Entry>>>,
}

impl Cache {
    /// What is known of a schema, asked for if need be. What passes by itself is not kept.
    pub(super) async fn get<F: Future<Output = Told>>(
        &self,
        schema: SchemaRef,
        ask: impl FnOnce() -> F,
    ) -> Told {
        let entry = self.entry(schema);
        let told = entry.told.get_or_try_init(|| async {
            match ask().await {
                Err(error) if error.is_of_the_registry() => Err(error),
                told => Ok((told, Instant::now())),
            }
        });
        told.await.map(|(told, _)| told.clone())?
    }

    fn entry(&self, schema: SchemaRef) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = entries.get(&schema).and_then(|entry| entry.told.get()).is_some_and(|(told, at)| {
            matches!(told, Err(RegistryError::NotFound { .. })) && at.elapsed() >= NOT_FOUND
        });
        if stale {
            entries.remove(&schema);
        }
        if entries.len() >= ENTRIES_MAX && !entries.contains_key(&schema) {
            entries.clear();
        }
        Arc::clone(entries.entry(schema).or_default())
    }
}
