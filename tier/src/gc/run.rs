//! One run over one partition.

use std::collections::BTreeMap;
use std::time::Duration;

use firnline_index::ids::GcBoundary;
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{Manifest, ManifestKind, Writer};
use firnline_index::{Offset, OffsetRange, TopicIdPartition};
use firnline_store::StoreError;
use firnline_store::env::RandomExt;

use super::bound::{Bound, ClocksApart};
use super::condemned::{Condemned, Doomed};
use super::judge::{Candidate, GcRefusal, Judged, going, is_evidence, judge};
use super::listing::{Look, Window};
use super::memory::GcMemory;
use super::names::Striker;
use crate::change::SetBoundary;
use crate::cluster::Clocks;
use crate::retention::Share;
use crate::{EditError, EditOutcome, LoadedManifest, ReadError, Refused, Step, Tier};

/// How a run works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcSettings {
    /// Objects younger than this are left alone: an upload under way must not be thrown away for nothing.
    pub min_age: Duration,
    /// What a run may take of the objects listed, and of their bytes.
    pub share: Share,
    /// So many objects may always go, whatever share they are.
    pub at_least: u64,
    /// About how many objects one run looks at; the next goes on behind them.
    pub most_listed: usize,
    /// How far this machine's clock and the store's may be apart.
    pub skew: Duration,
}

impl Default for GcSettings {
    fn default() -> Self {
        Self {
            min_age: Duration::from_secs(24 * 3600),
            share: Share::TENTH,
            at_least: 16,
            most_listed: 100_000,
            skew: Duration::from_secs(600),
        }
    }
}

impl GcSettings {
    fn bound(&self) -> Bound {
        Bound { share: self.share, at_least: self.at_least }
    }
}

/// What is to be collected.
#[derive(Debug, Clone)]
pub struct GcRequest<'a> {
    /// The partition.
    pub tip: &'a TopicIdPartition,
    /// In whose name the boundary is committed; `None` for an operator.
    pub writer: Option<Writer>,
    /// Whether the topic is paused.
    pub paused: bool,
    /// The two clocks ([`Tier::clocks`]), read for this run or not long before.
    pub clocks: Clocks,
    /// The highest generation that any summary tells of the partition.
    pub known_generation: Option<u64>,
    /// Where the window begins: what the last run gave as its next.
    pub after: Option<&'a str>,
}

/// What a run saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcSurvey {
    /// Objects listed.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects below the partition that are none of ours. Never touched.
    pub unknown: u64,
    /// Segments that are not what their keys say. Never touched.
    pub foreign: Vec<String>,
    /// Objects that would not go before, and are not asked to again until the memory of that ends.
    pub stubborn: u64,
    /// Floors that the manifest does not have yet: fold them.
    pub pending_floors: u64,
    /// Where the next run begins; `None` for the beginning.
    pub next: Option<String>,
}

/// How a run ended.
#[derive(Debug)]
pub enum GcOutcome {
    /// Nothing may go. No boundary was committed.
    Clean(GcSurvey),
    /// Something may be wrong, so nothing goes.
    Refused(GcRefusal, GcSurvey),
    /// Only looked: this is what would go, by key.
    Planned(BTreeMap<String, Doomed>, GcSurvey),
    /// The boundary is committed; pass this to [`Tier::delete_condemned`].
    Condemned(Condemned, GcSurvey),
}

/// A run without an answer. Nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum GcError {
    /// The store did not answer, or refused.
    #[error("collect what nothing names of {tip}")]
    Store {
        /// The partition.
        tip: TopicIdPartition,
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
    /// The manifest or a page of it could not be read.
    #[error("read the manifest of {tip} to collect what it does not name")]
    Read {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// The boundary could not be committed.
    #[error("commit a gc boundary for {tip}")]
    Commit {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: Box<EditError>,
    },
    /// The boundary must not be committed.
    #[error("a gc boundary for {tip} was refused")]
    Refused {
        /// The partition.
        tip: TopicIdPartition,
        /// Why.
        #[source]
        source: Box<Refused>,
    },
}

impl GcError {
    /// Whether another run may succeed without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Store { source, .. } => source.is_retriable(),
            Self::Read { source: ReadError::Store(error), .. } => error.is_retriable(),
            Self::Read { .. } => false,
            Self::Commit { source, .. } => source.is_passing(),
            Self::Refused { .. } => true,
        }
    }
}

impl Tier {
    /// Looks what could go of one window of a partition, and deletes nothing.
    ///
    /// One GET of the manifest and one of each page, one LIST per thousand objects, one GET of each segment that is not named.
    pub async fn plan_gc(
        &self,
        request: &GcRequest<'_>,
        settings: &GcSettings,
        memory: &mut GcMemory,
    ) -> Result<GcOutcome, GcError> {
        let (looked, survey) = self.look(request, settings, memory).await?;
        Ok(match looked {
            Looked::Clean => GcOutcome::Clean(survey),
            Looked::Refused(refusal) => GcOutcome::Refused(refusal, survey),
            Looked::Found { judged, .. } => GcOutcome::Planned(judged.doomed, survey),
        })
    }

    /// Commits a new gc boundary where something of one window of a partition may go, and says what.
    ///
    /// As [`Tier::plan_gc`], and one commit where anything may go.
    pub async fn gc(
        &self,
        request: &GcRequest<'_>,
        settings: &GcSettings,
        memory: &mut GcMemory,
    ) -> Result<GcOutcome, GcError> {
        let (looked, survey) = self.look(request, settings, memory).await?;
        let (mut candidates, mut striker, listed) = match looked {
            Looked::Clean => return Ok(GcOutcome::Clean(survey)),
            Looked::Refused(refusal) => return Ok(GcOutcome::Refused(refusal, survey)),
            Looked::Found { candidates, striker, .. } => {
                let listed = (survey.objects, survey.bytes);
                (candidates, striker, listed)
            }
        };
        let tip = request.tip;
        let boundary = SetBoundary { boundary: GcBoundary::from_bytes(self.env().random.uuid()) };
        self.before(Step::GcBoundary).await;
        let outcome = self.edit(tip, request.writer, &boundary).await;
        let now = match outcome {
            Ok(EditOutcome::Changed { now, .. }) => now,
            // The boundary is fresh: a manifest that has it already is one that we changed.
            Ok(EditOutcome::Nothing(Some(now))) => now,
            Ok(EditOutcome::Nothing(None)) => {
                let refusal = GcRefusal::NoManifest { objects: survey.objects };
                return Ok(GcOutcome::Refused(refusal, survey));
            }
            Ok(EditOutcome::Refused(source)) => {
                return Err(GcError::Refused { tip: tip.clone(), source: Box::new(source) });
            }
            Err(source) => return Err(GcError::Commit { tip: tip.clone(), source: Box::new(source) }),
        };
        // What was named meanwhile is named by this manifest; what it does not name now, nothing ever names.
        let refused = |refusal, survey| Ok(GcOutcome::Refused(refusal, survey));
        if let Err(refusal) = believe(&now.manifest, request) {
            return refused(refusal, survey);
        }
        self.strike(&now.manifest, &mut striker, &mut candidates).await?;
        self.ask_words(&now.manifest, &mut candidates).await?;
        let judged = match judge(&now.manifest, &candidates) {
            Ok(judged) => judged,
            Err(refusal) => return refused(refusal, survey),
        };
        if let Err(too_much) = settings.bound().hold(going(&judged.doomed), listed) {
            return refused(too_much.into(), survey);
        }
        Ok(self.condemned(&now, judged.doomed, striker, survey))
    }

    fn condemned(
        &self,
        now: &LoadedManifest,
        doomed: BTreeMap<String, Doomed>,
        striker: Striker,
        survey: GcSurvey,
    ) -> GcOutcome {
        if doomed.is_empty() {
            return GcOutcome::Clean(survey);
        }
        GcOutcome::Condemned(Condemned::new(self, now, doomed, everywhere(), striker), survey)
    }

    /// Reads, lists, strikes and judges.
    async fn look(
        &self,
        request: &GcRequest<'_>,
        settings: &GcSettings,
        memory: &mut GcMemory,
    ) -> Result<(Looked, GcSurvey), GcError> {
        let GcRequest { tip, clocks, after, .. } = request;
        if request.paused {
            return Ok((Looked::Refused(GcRefusal::Paused), GcSurvey::default()));
        }
        if let Err(apart) = ClocksApart::hold(*clocks, settings.skew) {
            return Ok((Looked::Refused(apart.into()), GcSurvey::default()));
        }
        let min_age = i64::try_from(settings.min_age.as_millis()).unwrap_or(i64::MAX);
        let before_ms = clocks.earlier().get().saturating_sub(min_age);
        self.before(Step::GcRead).await;
        let head =
            self.manifest(tip).await.map_err(|source| GcError::Read { tip: (*tip).clone(), source })?;
        self.before(Step::GcList).await;
        let look = Look { after: *after, most: settings.most_listed, before_ms };
        let window = self.window(tip, look, memory).await;
        let window = window.map_err(|source| self.store_failed(tip, source))?;
        let Window { objects, bytes, mut old, unknown, stubborn, next } = window;
        let mut survey = GcSurvey { objects, bytes, unknown, stubborn, next, ..GcSurvey::default() };
        let Some(LoadedManifest { manifest: head, .. }) = head else {
            // A first upload under way has no manifest yet, and floors may wait for one.
            let floor = |candidate: &&Candidate| matches!(candidate.key, ObjectKey::Floor { .. });
            survey.pending_floors = old.values().filter(floor).count() as u64;
            let objects = old.len() as u64 - survey.pending_floors;
            let looked = match objects {
                0 => Looked::Clean,
                objects => Looked::Refused(GcRefusal::NoManifest { objects }),
            };
            return Ok((looked, survey));
        };
        if let Err(refusal) = believe(&head, request) {
            return Ok((Looked::Refused(refusal), survey));
        }
        let mut striker = Striker::default();
        self.strike(&head, &mut striker, &mut old).await?;
        self.ask_words(&head, &mut old).await?;
        let judged = match judge(&head, &old) {
            Ok(judged) => judged,
            Err(refusal) => return Ok((Looked::Refused(refusal), survey)),
        };
        survey.foreign.clone_from(&judged.foreign);
        survey.pending_floors = judged.floors;
        let looked = match settings.bound().hold(going(&judged.doomed), (objects, bytes)) {
            Err(too_much) => Looked::Refused(too_much.into()),
            Ok(()) if judged.doomed.is_empty() => Looked::Clean,
            Ok(()) => Looked::Found { judged, candidates: old, striker },
        };
        Ok((looked, survey))
    }

    async fn strike(
        &self,
        head: &Manifest,
        striker: &mut Striker,
        candidates: &mut BTreeMap<String, Candidate>,
    ) -> Result<(), GcError> {
        let struck = striker.strike(self, head, everywhere(), candidates).await;
        struck.map_err(|source| GcError::Read { tip: head.tip.clone(), source })
    }

    /// Asks each segment what it says of itself, once, up to the first by whose word nothing may go.
    async fn ask_words(
        &self,
        head: &Manifest,
        candidates: &mut BTreeMap<String, Candidate>,
    ) -> Result<(), GcError> {
        for (text, candidate) in candidates {
            if candidate.words.is_none() && matches!(candidate.key, ObjectKey::Segment { .. }) {
                self.before(Step::GcWords).await;
                let words = self.own_words(&candidate.key).await;
                candidate.words = Some(words.map_err(|source| self.store_failed(&head.tip, source))?);
            }
            if is_evidence(head, text, candidate) {
                break;
            }
        }
        Ok(())
    }

    fn store_failed(&self, tip: &TopicIdPartition, source: StoreError) -> GcError {
        GcError::Store { tip: tip.clone(), source: Box::new(source) }
    }
}

enum Looked {
    Clean,
    Refused(GcRefusal),
    Found { judged: Judged, candidates: BTreeMap<String, Candidate>, striker: Striker },
}

/// Refuses a manifest by which nothing may be deleted.
fn believe(head: &Manifest, request: &GcRequest<'_>) -> Result<(), GcRefusal> {
    if head.kind != ManifestKind::Sidecar {
        return Err(GcRefusal::NotOurs);
    }
    match request.known_generation {
        Some(known) if known > head.generation => Err(GcRefusal::WentBack { found: head.generation, known }),
        _ => Ok(()),
    }
}

fn everywhere() -> OffsetRange {
    OffsetRange::new(Offset::ZERO, Offset::MAX).expect("zero lies below the largest offset")
}
