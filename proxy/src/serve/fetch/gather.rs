//! All partitions of a fetch at once, under one limit of bytes and one of time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::TopicIdPartition;
use firnline_reader::{Decided, Isolation, Sight};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, timeout_at};

use super::fill::{Filled, Got, fill};
use super::plan::{Plan, Wish};
use crate::serve::failure::unread;
use crate::serve::kafka_error::KafkaError;
use crate::serve::logs::{Age, Logs};

/// Partitions of one fetch that are read at once.
const READS: usize = 16;

/// How long the rest may still take once there are as many bytes as the client wants at least.
const GRACE: Duration = Duration::from_millis(100);

/// The wishes under way and what has come of them.
struct Gathered {
    got: Vec<Got>,
    /// Bytes that no wish has been promised yet.
    free: usize,
    bytes: usize,
    /// The first wish, in the order of the request, that has records. It alone may have more than it was promised: one
    /// batch that is larger than all limits passes, or its reader would never get on.
    first: Option<First>,
}

#[derive(Clone, Copy)]
struct First {
    wish: usize,
    exceeds: bool,
}

/// A wish whose partition is served, on its own: futures that borrow from a list of them cannot be sent between threads.
struct Job {
    wish: usize,
    tip: TopicIdPartition,
    offset: i64,
    max_bytes: usize,
    decided: Option<Arc<Decided>>,
}

/// What came of each wish by `deadline`, in the order of the request.
pub(crate) async fn gather(logs: &Logs, plan: &Plan, deadline: Instant) -> Vec<Got> {
    let refused = |error: &KafkaError| Got::Refused(*error);
    let got = plan.wishes().map(|wish| wish.target.as_ref().map_or_else(refused, |_| Got::Late));
    // With no byte of room at all the first batch still passes.
    let mut gathered = Gathered { got: got.collect(), free: plan.max_bytes.max(1), bytes: 0, first: None };
    let mut jobs = jobs(plan, &gathered.got);
    let mut deadline = deadline;
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < READS && gathered.free > 0 {
            let Some(job) = jobs.pop_front() else { break };
            let promised = job.max_bytes.min(gathered.free);
            gathered.free -= promised;
            running.push(read(logs, job, promised, plan.isolation));
        }
        let Ok(Some((wish, promised, got))) = timeout_at(deadline, running.next()).await else { break };
        gathered.take(wish, promised, got);
        if gathered.bytes > 0 && gathered.bytes >= plan.min_bytes {
            deadline = deadline.min(Instant::now() + GRACE);
        }
    }
    drop(running);
    // For these there was no room, or no time. Where their logs end is told where it is known: a client takes it for what
    // it has behind.
    let mut jobs = self::jobs(plan, &gathered.got);
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < READS {
            let Some(job) = jobs.pop_front() else { break };
            running.push(bounds(logs, job));
        }
        let Ok(Some((wish, got))) = timeout_at(deadline, running.next()).await else { break };
        gathered.got[wish] = got;
    }
    gathered.got
}

/// The wishes of which nothing has come yet.
fn jobs(plan: &Plan, got: &[Got]) -> VecDeque<Job> {
    let wishes = plan.wishes().zip(got).enumerate();
    let late = wishes.filter(|(_, (_, got))| matches!(got, Got::Late));
    let job = |(wish, (asked, _)): (usize, (&Wish, &Got))| {
        let tip = asked.target.as_ref().ok()?.clone();
        let (max_bytes, decided) = (asked.max_bytes, asked.decided.clone());
        Some(Job { wish, tip, offset: asked.offset, max_bytes, decided })
    };
    late.filter_map(job).collect()
}

async fn read(logs: &Logs, job: Job, promised: usize, isolation: Isolation) -> (usize, usize, Got) {
    let sight = Sight { isolation, decided: job.decided };
    (job.wish, promised, fill(logs, &job.tip, job.offset, promised, &sight).await)
}

async fn bounds(logs: &Logs, job: Job) -> (usize, Got) {
    let got = match logs.bounds(&job.tip, Age::Usual).await {
        Ok(bounds) => Got::Log(Filled::empty(bounds)),
        Err(error) => Got::Refused(unread(&job.tip, &error)),
    };
    (job.wish, got)
}

impl Gathered {
    fn take(&mut self, at: usize, promised: usize, mut got: Got) {
        let bytes = match &got {
            Got::Log(filled) => filled.bytes,
            Got::Refused(_) | Got::Outside(_) | Got::Late => 0,
        };
        let exceeds = bytes > promised;
        let leads = bytes > 0 && self.first.is_none_or(|first| at < first.wish);
        if let Some(first) = self.first.filter(|first| leads && first.exceeds) {
            self.forget(first.wish);
        }
        if leads {
            self.first = Some(First { wish: at, exceeds });
        }
        let kept = if exceeds && !leads {
            if let Got::Log(filled) = &mut got {
                filled.drop_records();
            }
            0
        } else {
            bytes
        };
        self.bytes += kept;
        self.free += promised.saturating_sub(kept);
        self.got[at] = got;
    }

    fn forget(&mut self, wish: usize) {
        if let Got::Log(filled) = &mut self.got[wish] {
            self.bytes -= filled.bytes;
            filled.drop_records();
        }
    }
}
