//! The encoder, driven: off the async threads, and with a registry to ask.

use std::sync::Arc;

use firnline_decode::{RegistryError, SchemaRef, SchemaSource};

use super::part::chain;
use super::{Encoded, Given, Grown, Layout, RowEncoder, RowsError, Step, Wanted};
use crate::source::RawBatches;
use crate::workers::Workers;

/// What the pump has.
#[derive(Debug)]
pub enum Pumped {
    /// All that was pushed is consumed; rows may wait for more of their kind.
    Hungry,
    /// Rows.
    Rows(Encoded),
    /// The table needs other columns before it goes on: make the change part of the next commit, end the files written so far,
    /// and call [`RowPump::relayout`].
    Grow(Grown),
}

/// Encodes on workers. Calls are not cancel safe: after a dropped one only dropping the pump is left.
pub struct RowPump {
    /// Away while a worker has it.
    encoder: Option<RowEncoder>,
    schemas: Option<Arc<dyn SchemaSource>>,
    workers: Workers,
    /// Asked for, and not answered yet.
    wanted: Option<Wanted>,
}

impl RowPump {
    /// A pump around an encoder. `schemas` is needed where keys or values name their schemas.
    #[must_use]
    pub fn new(encoder: RowEncoder, schemas: Option<Arc<dyn SchemaSource>>, workers: Workers) -> Self {
        Self { encoder: Some(encoder), schemas, workers, wanted: None }
    }

    /// Adds batches to what is to be encoded.
    ///
    /// # Errors
    /// [`RowsError::Broken`].
    pub fn push(&mut self, batches: RawBatches) -> Result<(), RowsError> {
        self.encoder.as_mut().ok_or(RowsError::Broken)?.push(batches);
        Ok(())
    }

    /// What comes next of what was pushed.
    ///
    /// # Errors
    /// [`RowsError::Registry`] where the registry does not answer: call again later, nothing was lost. Any other ends it.
    pub async fn next(&mut self) -> Result<Pumped, RowsError> {
        loop {
            if let Some(wanted) = self.wanted.clone() {
                let given = ask(self.schemas.as_ref(), &wanted).await?;
                self.encoder.as_mut().ok_or(RowsError::Broken)?.give(wanted, given);
                self.wanted = None;
            }
            match self.run(RowEncoder::step).await? {
                Step::Hungry => return Ok(Pumped::Hungry),
                Step::Rows(encoded) => return Ok(Pumped::Rows(encoded)),
                Step::Grow(grown) => return Ok(Pumped::Grow(grown)),
                Step::Wanted(wanted) => self.wanted = Some(wanted),
            }
        }
    }

    /// Goes over to other columns: those of [`Pumped::Grow`], with the field ids that the table gives them. Gives what is at
    /// hand in the old ones.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn relayout(&mut self, layout: Layout) -> Result<Option<Encoded>, RowsError> {
        let layout = Arc::new(layout);
        self.run(move |encoder| encoder.relayout(layout)).await
    }

    /// What is at hand, if there is anything: for the end, when [`Self::next`] is hungry.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn flush(&mut self) -> Result<Option<Encoded>, RowsError> {
        self.run(RowEncoder::flush).await
    }

    /// The columns at hand; `None` after a dropped call.
    #[must_use]
    pub fn layout(&self) -> Option<&Arc<Layout>> {
        self.encoder.as_ref().map(RowEncoder::layout)
    }

    /// Memory of rows at hand and batches that wait, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.encoder.as_ref().map_or(0, RowEncoder::memory)
    }

    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut RowEncoder) -> Result<T, RowsError> + Send + 'static,
    ) -> Result<T, RowsError> {
        let mut encoder = self.encoder.take().ok_or(RowsError::Broken)?;
        let run = move || {
            let done = work(&mut encoder);
            (encoder, done)
        };
        let (encoder, done) = self.workers.run(run).await;
        self.encoder = Some(encoder);
        done
    }
}

/// Asks the registry. Not a method: an encoder cannot be shared with it while it waits.
async fn ask(schemas: Option<&Arc<dyn SchemaSource>>, wanted: &Wanted) -> Result<Given, RowsError> {
    let side = wanted.side;
    let schemas = schemas.ok_or(RowsError::NoRegistry { side })?;
    let answer = match &wanted.schema {
        SchemaRef::Id(id) => schemas.by_id(*id).await,
        SchemaRef::Guid(guid) => schemas.by_guid(*guid).await,
    };
    match answer {
        Ok(schema) => Ok(Given::Schema(schema)),
        Err(error @ RegistryError::NotFound { .. }) => {
            Ok(Given::Refused { reason: "unknown_schema", message: chain(&error) })
        }
        Err(error @ RegistryError::Invalid { .. }) => {
            Ok(Given::Refused { reason: "unsupported_schema", message: chain(&error) })
        }
        Err(error) => Err(RowsError::Registry { side, source: Arc::new(error) }),
    }
}

impl std::fmt::Debug for RowPump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowPump").field("encoder", &self.encoder).finish_non_exhaustive()
    }
}
