//! Who writes: one task, which opens the directory, takes what is to be written, one run after the other, and begins anew after
//! a pause where that has failed. Readers never wait for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use firnline_store::Reservation;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::Shared;
use super::dir::DiskCacheProblem;
use super::format::RecordKey;
use super::load::load;
use super::write::Writer;
use crate::codes;

/// The pause before a directory is tried again; it doubles from one to the other. A process that takes over from another finds
/// its lock held for some seconds.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Records to be written, and the room that their bytes take until then.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) records: Vec<(RecordKey, Bytes)>,
    pub(super) _reserved: Reservation,
}

/// Goes on until nobody can bring a job any more.
pub(super) async fn keep(shared: Arc<Shared>, mut jobs: mpsc::Receiver<Job>) {
    let mut pause = FIRST_PAUSE;
    let mut said = None;
    loop {
        let began = Instant::now();
        let problem = match open(&shared).await {
            Ok(writer) => {
                said = None;
                match write(&shared, writer, &mut jobs).await {
                    Some(problem) => problem,
                    None => return,
                }
            }
            Err(problem) => problem,
        };
        say(&problem, &mut said);
        while jobs.try_recv().is_ok() {}
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn open(shared: &Arc<Shared>) -> Result<Writer, DiskCacheProblem> {
    let here = Arc::clone(shared);
    let loaded = shared.workers.run(move || {
        let next = here.next.load(Ordering::Relaxed);
        load(&here.dir, here.limits, &here.held, &here.counters, next)
    });
    let writer = loaded.await?;
    shared.next.store(writer.next, Ordering::Relaxed);
    shared.counters.on.store(true, Ordering::Release);
    tracing::info!(
        dir = %shared.dir.display(),
        max_bytes = shared.limits.max_bytes,
        bytes = shared.held.bytes(),
        records = shared.held.records(),
        "the disk cache is on"
    );
    Ok(writer)
}

/// Writes until it fails, or until there is nothing to be written any more.
async fn write(
    shared: &Arc<Shared>,
    mut writer: Writer,
    jobs: &mut mpsc::Receiver<Job>,
) -> Option<DiskCacheProblem> {
    while let Some(job) = jobs.recv().await {
        let put = move || {
            let outcome = writer.put(&job.records);
            (writer, outcome)
        };
        let (back, outcome) = shared.workers.run(put).await;
        writer = back;
        shared.next.store(writer.next, Ordering::Relaxed);
        if let Err(problem) = outcome {
            // What it holds may be gone, too: it is found again, or not, when the directory is opened the next time.
            shared.counters.on.store(false, Ordering::Release);
            shared.held.clear();
            return Some(problem);
        }
    }
    None
}

/// Once for each thing that is wrong.
fn say(problem: &DiskCacheProblem, said: &mut Option<String>) {
    let text = problem.to_string();
    if said.as_ref() != Some(&text) {
        tracing::warn!(
            code = codes::DISK_CACHE.code,
            error = problem as &dyn std::error::Error,
            "the disk cache is off; what it would give comes from the store. It is tried again from time to time"
        );
        *said = Some(text);
    }
}
