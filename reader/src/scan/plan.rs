//! From a manifest to requests: which segments to open, which of their blocks to ask for, when.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use firnline_index::Offset;
use firnline_index::manifest::{Entry, Gap, Manifest};
use firnline_index::transactions::AbortedTransaction;
use futures::FutureExt as _;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::runs::{BlockRun, Landing, Run};
use super::window::Window;
use crate::batches::Wish;
use crate::error::ReadError;
use crate::fetch::{memory_of, runs};
use crate::open::{Opened, Segment, Wanted};
use crate::place::Located;
use crate::reader::Inner;
use crate::settings::{Isolation, scan_sizes};
use crate::transactions::Verdict;

/// Segments that are opened ahead of their turn: many short ones fill a window only together.
const OPENING_MOST: usize = 16;

/// What is planned and on its way, under one manifest. Dropping it ends its tasks.
pub(super) struct Planned {
    inner: Arc<Inner>,
    pub(super) manifest: Arc<Manifest>,
    isolation: Isolation,
    /// One past the last offset wanted.
    until: Offset,
    /// Up to where segments have been opened; at first where the scan began under this manifest.
    opened_to: Offset,
    opening: VecDeque<Opening>,
    current: Option<Position>,
    pub(super) runs: VecDeque<Run>,
    /// Bytes asked for, or come and not consumed.
    in_flight: u64,
    window: Window,
    tasks: JoinSet<()>,
}

/// Whether planning may wait for the budget or for a segment's tail, when nothing else is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Allowed,
    Never,
}

/// What comes next in the log, not yet asked for blocks.
enum Opening {
    Segment { landing: oneshot::Receiver<Result<Ready, ReadError>>, bytes: u64, from: Offset },
    Gap(Gap),
    Failed(ReadError),
}

/// An opened segment.
struct Ready {
    opened: Opened,
    verdict: Option<Verdict>,
}

/// Where planning stands in a segment.
struct Position {
    segment: Segment,
    /// Blocks that were not asked for yet.
    left: Range<u32>,
    /// All of its blocks, where they came with its tail.
    blocks: Option<Vec<Bytes>>,
    wish: Wish,
    aborted: Arc<[AbortedTransaction]>,
    undecided_from: Option<Offset>,
}

impl Planned {
    pub(super) fn new(
        inner: &Arc<Inner>,
        manifest: Arc<Manifest>,
        isolation: Isolation,
        from: Offset,
        until: Offset,
    ) -> Self {
        let (longest_request, ahead) = scan_sizes(&inner.fetcher.store, &inner.settings);
        Self {
            inner: Arc::clone(inner),
            manifest,
            isolation,
            until,
            opened_to: from,
            opening: VecDeque::new(),
            current: None,
            runs: VecDeque::new(),
            in_flight: 0,
            window: Window::new(longest_request, ahead),
            tasks: JoinSet::new(),
        }
    }

    /// Asks for as much as window and budget allow. Waits only where the caller has nothing else to wait for; what
    /// fails comes as a run. Cancel safe.
    pub(super) async fn fill(&mut self) {
        loop {
            self.open_ahead().await;
            if self.plan_run(Waiting::Allowed).await || self.turn_to_next(Waiting::Allowed).await {
                continue;
            }
            return;
        }
    }

    /// The same as far as it goes at once: for the moment before an item is handed out.
    pub(super) fn fill_without_waiting(&mut self) {
        let go_on =
            async { while self.plan_run(Waiting::Never).await || self.turn_to_next(Waiting::Never).await {} };
        let done = go_on.now_or_never();
        debug_assert!(done.is_some(), "nothing in it waits");
    }

    /// The first run was taken: if it is used up, there is room for more.
    pub(super) fn consumed(&mut self) {
        if let Some(Run::Blocks(run)) = self.runs.front()
            && run.is_done()
        {
            self.in_flight = self.in_flight.saturating_sub(run.bytes);
            self.window.grow();
            self.runs.pop_front();
        }
    }

    /// Begins to open the segments that the window will reach.
    async fn open_ahead(&mut self) {
        while self.opened_to < self.until && self.opening.len() < OPENING_MOST && self.reaches_beyond() {
            let next = match self.inner.pages.locate(&self.manifest, self.opened_to).await {
                Ok(Located::Entry(entry)) => {
                    let from = std::mem::replace(&mut self.opened_to, entry.range.end());
                    self.open(&entry, from)
                }
                Ok(Located::Gap(gap)) => {
                    self.opened_to = gap.range.end();
                    Opening::Gap(gap)
                }
                Ok(Located::AtOrBeyondEnd | Located::BelowStart) => {
                    self.until = self.opened_to;
                    return;
                }
                Ok(Located::Hole) => {
                    let (tip, offset) = (self.manifest.tip.clone(), self.opened_to);
                    self.until = offset;
                    Opening::Failed(ReadError::Hole { tip, offset })
                }
                Err(error) => {
                    self.until = self.opened_to;
                    Opening::Failed(error)
                }
            };
            self.opening.push_back(next);
        }
    }

    /// Whether the window reaches beyond what has been opened.
    fn reaches_beyond(&self) -> bool {
        let opening = self.opening.iter().map(|opening| match opening {
            Opening::Segment { bytes, .. } => *bytes,
            Opening::Gap(_) | Opening::Failed(_) => 0,
        });
        let planned =
            self.in_flight + self.current.as_ref().map_or(0, Position::left_bytes) + opening.sum::<u64>();
        planned < self.window.ahead()
    }

    /// Opens a segment of which what lies below `from` was given already: those of a broker's own manifest may overlap.
    fn open(&mut self, entry: &Entry, from: Offset) -> Opening {
        let wanted = Wanted::new(&self.manifest, entry);
        let (inner, manifest) = (Arc::clone(&self.inner), Arc::clone(&self.manifest));
        let isolation = self.isolation;
        let landing = self.spawn(async move {
            let opened = inner.opener.open_once(wanted).await?;
            let verdict = match isolation {
                Isolation::ReadUncommitted => None,
                Isolation::ReadCommitted => Some(inner.verdict(&manifest, &opened.segment, None).await?),
            };
            Ok(Ready { opened, verdict })
        });
        Opening::Segment { landing, bytes: entry.location.length.get(), from }
    }

    /// Asks for the next run of blocks of the current segment; `false` where there is none, or no room.
    async fn plan_run(&mut self, waiting: Waiting) -> bool {
        let Some(current) = &mut self.current else { return false };
        if current.left.is_empty() {
            let undecided = current.undecided_from;
            self.current = None;
            if let Some(from) = undecided {
                self.runs.push_back(Run::Undecided(from));
                self.opening.clear();
                self.until = self.opened_to;
            }
            return undecided.is_some();
        }
        let blocks = match &current.blocks {
            Some(_) => current.left.clone(),
            None => runs(current.segment.index(), current.left.clone(), self.window.request())
                .next()
                .expect("something is left"),
        };
        let bytes = memory_of(&current.segment, &blocks);
        if !self.window.has_room(self.in_flight, bytes) {
            return false;
        }
        let (reserved, landing) = match current.blocks.take() {
            Some(all) => {
                let skip = blocks.start as usize;
                (None, Landing::Here(all.into_iter().skip(skip).take(blocks.len()).map(Ok).collect()))
            }
            None => {
                let reserved = match self.inner.scan_budget.try_reserve(bytes) {
                    Some(reserved) => reserved,
                    // With nothing else to wait for, and holding nothing, waiting is safe.
                    None if self.runs.is_empty() && waiting == Waiting::Allowed => {
                        self.inner.scan_budget.reserve(bytes).await
                    }
                    None => return false,
                };
                let (fetcher, segment, asked) =
                    (self.inner.fetcher.clone(), current.segment.clone(), blocks.clone());
                let fetch = async move { fetcher.fetch(&segment, asked, false).await };
                (Some(reserved), Landing::Coming(spawn(&mut self.tasks, fetch)))
            }
        };
        current.left.start = blocks.end;
        self.in_flight += bytes;
        let (segment, wish) = (current.segment.clone(), current.wish);
        let aborted = Arc::clone(&current.aborted);
        self.runs.push_back(Run::Blocks(BlockRun {
            segment,
            blocks,
            wish,
            aborted,
            bytes,
            landing,
            _reserved: reserved,
        }));
        true
    }

    /// Goes on with what was opened next; `false` where it has not come yet and there is something else to wait for, or
    /// where there is nothing.
    async fn turn_to_next(&mut self, waiting: Waiting) -> bool {
        if self.current.is_some() {
            return false;
        }
        let (ready, from) = match self.opening.front_mut() {
            None => return false,
            Some(Opening::Segment { landing, from, .. })
                if self.runs.is_empty() && waiting == Waiting::Allowed =>
            {
                let from = *from;
                (landing.await, from)
            }
            Some(Opening::Segment { landing, from, .. }) => match landing.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => return false,
                Ok(ready) => (Ok(ready), *from),
                Err(oneshot::error::TryRecvError::Closed) => (Ok(Err(ReadError::Closed)), *from),
            },
            Some(Opening::Gap(gap)) => {
                self.runs.push_back(Run::Gap(*gap));
                self.opening.pop_front();
                return true;
            }
            Some(Opening::Failed(error)) => {
                self.runs.push_back(Run::Failed(error.clone()));
                self.opening.pop_front();
                return true;
            }
        };
        self.opening.pop_front();
        match ready.unwrap_or(Err(ReadError::Closed)) {
            Ok(ready) => self.current = Some(Position::in_segment(ready, from, self.until)),
            Err(error) => self.runs.push_back(Run::Failed(error)),
        }
        true
    }

    fn spawn<T: Send + 'static>(
        &mut self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        spawn(&mut self.tasks, task)
    }
}

fn spawn<T: Send + 'static>(
    tasks: &mut JoinSet<()>,
    task: impl Future<Output = T> + Send + 'static,
) -> oneshot::Receiver<T> {
    // What has ended is taken out here, so that the set grows only with what is under way.
    while tasks.try_join_next().is_some() {}
    let (tell, landing) = oneshot::channel();
    tasks.spawn(async move {
        // Nobody waits any more when the plan was dropped.
        let _ = tell.send(task.await);
    });
    landing
}

impl Position {
    fn in_segment(ready: Ready, from: Offset, until: Offset) -> Self {
        let Ready { opened: Opened { segment, blocks, .. }, verdict } = ready;
        let range = segment.entry().range;
        let undecided_from = verdict.as_ref().and_then(|verdict| verdict.undecided_from);
        let before = undecided_from.map_or(until, |undecided| undecided.min(until));
        let first = segment.index().find_offset(from.max(range.start())).unwrap_or(0);
        let last = before.get().checked_sub(1).and_then(Offset::from_kafka);
        let last = last.and_then(|last| segment.index().find_offset(last));
        let left = last.map_or(first..first, |last| first..last.max(first) + 1);
        // Only where the undecided transaction lies before what is wanted does it end the scan.
        let undecided_from = undecided_from.filter(|undecided| *undecided < until);
        let wish = Wish { from, before, max_bytes: usize::MAX };
        let aborted = verdict.map_or_else(|| Arc::from([]), |verdict| verdict.aborted);
        let left = if before <= range.start() { first..first } else { left };
        Self { segment, left, blocks, wish, aborted, undecided_from }
    }

    fn left_bytes(&self) -> u64 {
        if self.left.is_empty() { 0 } else { memory_of(&self.segment, &self.left) }
    }
}
