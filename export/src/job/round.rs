//! One round.

use std::time::Duration;

use firnline_index::manifest::Manifest;
use firnline_index::{Offset, PartitionIndex};
use firnline_reader::ReadError;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::time::Instant;

use super::commit::Wanted;
use super::dead::DeadTable;
use super::error::JobError;
use super::plan::{Assignment, Backlog, divide, seconds_behind};
use super::write::{Wrote, write};
use super::written::Written;
use super::{Job, Ready, State};
use crate::metrics::Added;
use crate::position::Position;
use crate::settings::{Policy, Start};
use crate::source::SourceError;

/// How many partitions are asked about at once.
const ASKED_AT_ONCE: usize = 16;

/// What came of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Round {
    /// The table has all that there is.
    Idle,
    /// Something became part of the table.
    Committed(Committed),
}

/// What became part of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// Rows.
    pub rows: u64,
    /// Records that became dead letters.
    pub dead_letters: u64,
    /// Files with rows or deletes.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Offsets passed, of all partitions together.
    pub offsets: u64,
    /// Offsets among them that the tier does not have (any more).
    pub missing_offsets: u64,
}

impl Job {
    /// Reads, writes and commits once: as much as the settings allow, of the partitions furthest behind.
    ///
    /// Dropped at any point it leaves the table as it was, or with the whole round; the next call finds out which.
    ///
    /// # Errors
    /// Any of [`JobError`]; [`JobError::next`] says what to do. Whatever it is, nothing was added twice or in part.
    pub async fn round(&mut self) -> Result<Round, JobError> {
        match self.prepare(|_| true).await? {
            Some((ready, written)) => self.commit_to(ready, written).await.map(Round::Committed),
            None => Ok(Round::Idle),
        }
    }

    /// All of a round but its commit; `None` where there is nothing to commit, or it is not due yet.
    pub(super) async fn prepare(
        &mut self,
        is_due: impl FnOnce(&[Backlog]) -> bool,
    ) -> Result<Option<(Ready, Written)>, JobError> {
        let ready = self.ready().await?;
        let backlogs = self.backlogs_of(&ready).await?;
        let assignments = divide(&backlogs, self.context.settings.round.target_bytes);
        if assignments.is_empty() || !is_due(&backlogs) {
            return Ok(None);
        }
        match write(&self.context, &ready, &assignments).await? {
            Wrote::Set(written) => Ok((!written.is_empty()).then_some((ready, *written))),
            Wrote::GrowsFirst(columns) => {
                self.context.take_over(ready.table, false, &columns).await?;
                Err(JobError::MovedOn { table: self.context.table.to_string() })
            }
        }
    }

    /// What is known of each partition: where the table stands, and what the tier has beyond.
    ///
    /// # Errors
    /// As for [`Self::round`].
    pub async fn backlogs(&mut self) -> Result<Vec<Backlog>, JobError> {
        let ready = self.ready().await?;
        self.backlogs_of(&ready).await
    }

    /// Writes what was assigned, and neither takes the table over nor commits: for a worker whose files another one commits. Fails
    /// with [`JobError::MovedOn`] as long as no committer has set the table up.
    ///
    /// # Errors
    /// As for [`Self::round`].
    pub async fn write(&mut self, assignments: &[Assignment]) -> Result<Written, JobError> {
        let ready = self.context.look().await?;
        match write(&self.context, &ready, assignments).await? {
            Wrote::Set(written) => Ok(*written),
            Wrote::GrowsFirst(_) => Err(JobError::MovedOn { table: self.context.table.to_string() }),
        }
    }

    /// Commits what was written, here or by a worker.
    ///
    /// # Errors
    /// As for [`Self::round`].
    pub async fn commit(&mut self, written: Written) -> Result<Committed, JobError> {
        let ready = self.ready().await?;
        self.commit_to(ready, written).await
    }

    /// Commits the dead letters of what was written, and no rows; [`Self::commit`] does this first.
    ///
    /// # Errors
    /// As for [`Self::round`].
    pub async fn commit_dead_letters(&mut self, written: &Written) -> Result<(), JobError> {
        let ready = self.ready().await?;
        self.commit_dead(ready.dead, written).await
    }

    async fn commit_dead(&self, dead: Option<DeadTable>, written: &Written) -> Result<(), JobError> {
        let Some(set) = &written.dead else { return Ok(()) };
        let dead = match dead {
            Some(dead) => dead,
            None => self.context.open_dead().await?,
        };
        self.context.land(dead.table, &Wanted::Dead(written, set)).await?;
        Ok(())
    }

    async fn backlogs_of(&self, ready: &Ready) -> Result<Vec<Backlog>, JobError> {
        let partitions = self.context.partitions.clone();
        let asked =
            futures::stream::iter(partitions.into_iter().map(|partition| self.backlog(ready, partition)));
        let backlogs: Vec<Option<Backlog>> = asked.buffered(ASKED_AT_ONCE).boxed().try_collect().await?;
        let backlogs: Vec<Backlog> = backlogs.into_iter().flatten().collect();
        let offsets = backlogs.iter().filter_map(|b| b.end.checked_sub(b.position.next_offset)).sum();
        let behind = seconds_behind(&backlogs, self.context.env.clock.now_ms());
        self.context.metrics.set_behind(behind, offsets);
        self.context.progress.round_begins(backlogs.iter().map(|backlog| backlog.bytes).sum());
        Ok(backlogs)
    }

    /// `None` where the tier has nothing of a partition yet.
    async fn backlog(&self, ready: &Ready, partition: PartitionIndex) -> Result<Option<Backlog>, JobError> {
        let recorded = ready.exported.positions.get(partition);
        let source = &self.context.source;
        let position = match source.resume(partition, recorded).await {
            Ok(position) => position,
            Err(SourceError::Read { source: ReadError::NoManifest { .. }, .. }) if recorded.is_none() => {
                return Ok(None);
            }
            Err(error @ SourceError::BelowStart { .. }) => match recorded {
                // The feed says what is gone, and goes on behind it.
                Some(recorded) if self.context.settings.missing.gone == Policy::Record => recorded,
                _ => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        if let Some(by) = ready.exported.positions.decided_by(partition)
            && by.next_offset > position.next_offset
        {
            // That the records below the position are there is not all: what decided about them must be, too.
            match source.resume(partition, Some(by)).await {
                Ok(_) | Err(SourceError::BelowStart { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.check_dead(ready, partition, position).await?;
        let standing = source.standing(partition).await?;
        let position = match (recorded, &self.context.settings.start) {
            (None, Start::Offsets(starts)) => {
                starts.get(&partition).map_or(position, |from| Position::at(position.next_offset.max(*from)))
            }
            _ => position,
        };
        let end = standing.open_from.map_or(standing.end, |open| open.min(standing.end));
        Ok(Some(Backlog {
            partition,
            position,
            fresh: recorded.is_none(),
            closed: ready.exported.positions.decided_by(partition).is_none(),
            end,
            bytes: bytes_between(&standing.manifest, position.next_offset, end),
            exported_up_to_ms: self.newest_ms.get(&partition).copied(),
        }))
    }

    /// Dead letters from beyond where the table stands, of an attempt whose rows were never committed, must be of the log that
    /// the tier still has.
    async fn check_dead(
        &self,
        ready: &Ready,
        partition: PartitionIndex,
        position: Position,
    ) -> Result<(), JobError> {
        let own = ready.dead.as_ref().and_then(|dead| dead.exported.positions.get(partition));
        match own.filter(|own| own.next_offset > position.next_offset) {
            Some(own) => match self.context.source.resume(partition, Some(own)).await {
                Ok(_) | Err(SourceError::BelowStart { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            },
            None => Ok(()),
        }
    }

    pub(super) async fn commit_to(&mut self, ready: Ready, written: Written) -> Result<Committed, JobError> {
        let began = Instant::now();
        let Ready { table, dead, .. } = ready;
        self.commit_dead(dead, &written).await?;
        match self.context.land(table, &Wanted::Rows(&written)).await {
            Ok(_) => {}
            Err(JobError::Fenced { table, by, epoch }) => {
                self.state = State::Fenced { by: by.clone(), epoch };
                return Err(JobError::Fenced { table, by, epoch });
            }
            Err(error) => return Err(error),
        }
        Ok(self.landed(&written, began.elapsed()))
    }

    fn landed(&mut self, written: &Written, took: Duration) -> Committed {
        for (partition, newest) in &written.newest_ms {
            let known = self.newest_ms.entry(*partition).or_insert(*newest);
            *known = (*known).max(*newest);
        }
        let committed = Committed {
            rows: written.counts.rows,
            dead_letters: written.counts.dead.values().sum(),
            files: (written.add.len() + written.add_deletes.len()) as u64,
            file_bytes: written.file_bytes(),
            offsets: written.ranges.iter().map(|range| range.range().span()).sum(),
            missing_offsets: written.missing_offsets(),
        };
        let added = Added {
            rows: committed.rows,
            read_bytes: written.counts.read_bytes,
            files: committed.files,
            file_bytes: committed.file_bytes,
            lost_offsets: committed.missing_offsets,
        };
        let metrics = &self.context.metrics;
        metrics.committed(added, took, self.context.env.clock.now_ms());
        for (reason, count) in &written.counts.dead {
            metrics.dead_letters(reason, *count);
        }
        self.context.progress.committed(committed.rows);
        committed
    }
}

/// About how many bytes of a partition's log lie between two offsets, by what its manifest's head says.
fn bytes_between(manifest: &Manifest, from: Offset, end: Offset) -> u64 {
    let Some(wanted) = end.checked_sub(from).filter(|offsets| *offsets > 0) else { return 0 };
    let all = manifest.tier_end.checked_sub(manifest.tier_start).unwrap_or(0).max(1);
    let head = manifest.entries.first().is_some_and(|entry| entry.range.start() <= from);
    let (bytes, offsets) = if head {
        let entries =
            manifest.entries.iter().filter(|entry| entry.range.end() > from && entry.range.start() < end);
        entries.fold((0u64, 0u64), |(bytes, offsets), entry| {
            (bytes.saturating_add(entry.log_bytes.get()), offsets.saturating_add(entry.range.span()))
        })
    } else {
        (manifest.totals.log_bytes.get(), all)
    };
    let share = u128::from(bytes) * u128::from(wanted.min(offsets)) / u128::from(offsets.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}
