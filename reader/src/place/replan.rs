//! What to do when an object is gone: ask for a newer manifest and plan again. If that one still names it, it is missing;
//! if not, the newer manifest has the answer.

use firnline_index::TopicIdPartition;

use super::{Age, Manifests};
use crate::error::ReadError;

/// How often a plan is made anew. Each time another object must have gone: retention runs ahead of the reader.
const MOST: u32 = 4;

/// Plans made so far for one question.
#[derive(Debug)]
pub(crate) struct Replan {
    age: Age,
    gone: Option<String>,
    plans: u32,
}

impl Replan {
    pub(crate) fn new() -> Self {
        Self { age: Age::Usual, gone: None, plans: 1 }
    }

    /// How new the manifest of the next plan must be.
    pub(crate) fn age(&self) -> Age {
        self.age
    }

    /// Takes the error of a plan: `Ok` where another plan may do better.
    pub(crate) fn after(
        &mut self,
        manifests: &Manifests,
        tip: &TopicIdPartition,
        error: ReadError,
    ) -> Result<(), ReadError> {
        let Some(object) = error.missing() else { return Err(error) };
        if self.gone.as_deref() == Some(object) {
            return Err(error);
        }
        if self.plans == MOST {
            return Err(ReadError::Unsettled { tip: tip.clone() });
        }
        tracing::info!(object, %tip, "an object is gone; planning again by the newest manifest");
        self.gone = Some(object.to_owned());
        self.age = manifests.newer_than_now();
        self.plans += 1;
        Ok(())
    }
}
