//! One partition's rest, from the replicas of it that are at hand.

use std::sync::{Arc, Mutex};

use firnline_index::lineage::Lineage;
use firnline_index::manifest::{Manifest, ManifestKind};
use firnline_index::{ClusterId, CommitId, Offset, SegmentUuid, TopicIdPartition};
use firnline_logdir::{LocalLog, SourceOptions};
use firnline_store::env::{Random, RandomExt as _};

use super::choose::{Choice, Replica, choose};
use super::join::joins;
use super::scan::Candidate;
use super::survey::{Surveyed, survey};
use super::write::write;
use super::{Basis, Rest};

/// One partition's rest, made on a thread that may block.
pub(super) struct Job {
    pub(super) told: Option<Arc<Manifest>>,
    pub(super) tip: TopicIdPartition,
    pub(super) cluster_id: ClusterId,
    pub(super) commit: CommitId,
    pub(super) beyond: bool,
    pub(super) options: SourceOptions,
    pub(super) random: Arc<dyn Random>,
}

impl Job {
    /// What the replicas hold behind the tier's end, nothing where all of them end there; `None` where that cannot be told.
    pub(super) fn rest(&self, candidates: &[Candidate]) -> Option<Rest> {
        let looked: Vec<_> =
            candidates.iter().map(|candidate| self.replica(candidate, candidates.len() > 1)).collect();
        let all_end = looked.iter().all(|(_, ends)| *ends);
        let replicas: Vec<Replica> = looked.into_iter().map(|(replica, _)| replica).collect();
        let Some(Choice { at, proven }) = choose(&replicas) else {
            let candidate = candidates.first().filter(|_| all_end)?;
            return self.nothing(candidate);
        };
        let (candidate, replica) = (&candidates[at], &replicas[at]);
        let end = if self.beyond { replica.end } else { proven };
        let (tip, path) = (&self.tip, &candidate.partition.path);
        let above = offsets(proven, replica.end);
        if above > 0 && self.beyond {
            tracing::warn!(%tip, ?path, offsets = above, from = proven.get(),
                "of these offsets nobody has proven that they were committed; they are served as --beyond-checkpoint says");
        } else if above > 0 {
            tracing::warn!(%tip, ?path, offsets = above, from = proven.get(),
                "the log goes on above the high watermark that was written down; nobody has proven that this was committed, and it \
                 is not served");
        }
        let (manifest, new) = match &self.told {
            Some(told) => (Manifest::clone(told), None),
            None => {
                let new = self.new_manifest(replica.from);
                (new.clone(), Some(Box::new(new)))
            }
        };
        let segments = match write(&candidate.partition, &manifest, end, &self.options, &*self.random) {
            Ok(segments) => segments,
            Err(error) => {
                tracing::warn!(%tip, ?path, error = &error as &dyn std::error::Error,
                    "what a stopped broker has of a partition is not served");
                return None;
            }
        };
        self.say_left_out(candidates, &replicas, at);
        let last = segments.last().map_or(manifest.tier_end, |last| last.entry.range.end());
        if let Some(first) = segments.first() {
            tracing::info!(%tip, ?path, from = first.entry.range.start().get(), end = last.get(),
                "the log goes on from a stopped broker's disk");
        }
        Some(Rest {
            start: candidate.log_start.filter(|_| self.told.is_none()).unwrap_or(Offset::ZERO),
            unproven: offsets(proven, last),
            segments,
            ..self.empty(candidate, Basis { new, ..Basis::of(&manifest) })
        })
    }

    /// Nothing: all that the replicas have is in the tier.
    fn nothing(&self, candidate: &Candidate) -> Option<Rest> {
        Some(self.empty(candidate, Basis::of(self.told.as_deref()?)))
    }

    fn empty(&self, candidate: &Candidate, basis: Basis) -> Rest {
        Rest {
            basis,
            segments: Vec::new(),
            log: LocalLog::new(candidate.partition.clone(), self.options.clone()),
            start: Offset::ZERO,
            unproven: 0,
            withheld: SegmentUuid::from_bytes(self.random.uuid()),
            over: false.into(),
            stale: false.into(),
            bad: Mutex::default(),
        }
    }

    /// Names what other replicas have that the one which is taken has not: it is not served.
    fn say_left_out(&self, candidates: &[Candidate], replicas: &[Replica], at: usize) {
        let taken = &replicas[at];
        for (candidate, replica) in candidates.iter().zip(replicas).filter(|(_, replica)| replica.joins) {
            if replica.from < taken.from {
                tracing::warn!(tip = %self.tip, path = ?candidate.partition.path, from = replica.from.get(),
                    end = taken.from.get(),
                    "another replica has more of the beginning, but not all that was committed; it is not served");
            }
        }
    }

    /// What a replica is worth, if only as a witness for others, and whether it is whole and ends where the tier does. Blocks.
    fn replica(&self, candidate: &Candidate, others: bool) -> (Replica, bool) {
        let Candidate { partition, checkpoint, log_start, cleaned_to } = candidate;
        let (tip, path) = (&self.tip, &partition.path);
        let first = partition.segments.first().map_or(Offset::ZERO, |segment| segment.base);
        let from = match &self.told {
            Some(told) => told.tier_end.max(first),
            // The file that holds the first record that may be read.
            None => {
                let start = log_start.unwrap_or(first);
                let files = partition.segments.iter().map(|segment| segment.base);
                files.take_while(|base| *base <= start).last().unwrap_or(first)
            }
        };
        let log = LocalLog::new(partition.clone(), self.options.clone());
        let joined = match &self.told {
            Some(told) => joins(&log, told, &self.options),
            None => Ok(true),
        };
        let ends = matches!(joined, Ok(false));
        let joins = joined.unwrap_or_else(|why| {
            tracing::warn!(%tip, ?path, why = &why as &dyn std::error::Error,
                "a stopped broker's log does not go on where the tier ends; it is not served");
            false
        });
        if !joins && !others {
            let lineage = Lineage::empty();
            return (Replica { joins, from, end: from, lineage, checkpoint: *checkpoint }, ends);
        }
        let found = survey(partition, from, *cleaned_to, &self.options);
        if let Some(stopped) = found.stopped.as_ref().filter(|_| joins) {
            tracing::warn!(%tip, ?path, end = found.end.get(), why = stopped as &dyn std::error::Error,
                "a stopped broker's log is served up to here alone");
        }
        let Surveyed { end, lineage, .. } = found;
        (Replica { joins, from, end, lineage, checkpoint: *checkpoint }, ends)
    }

    fn new_manifest(&self, start: Offset) -> Manifest {
        Manifest::new(ManifestKind::Sidecar, self.cluster_id.clone(), self.tip.clone(), start, self.commit)
    }
}

fn offsets(from: Offset, end: Offset) -> u64 {
    end.checked_sub(from).unwrap_or(0)
}
