//! An offload that is killed in the middle of an upload, and run again.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use firnline_tier::check::{CheckDepth, Finding};
use firnline_tier::{Tier, TierParts};

use super::log::Ledger;
use super::place::{Place, io};
use super::readback::{self, ReadBack};
use super::{differs, plan};
use crate::commands::offload;
use crate::failure::{Failure, Result, codes, of};
use crate::output::Progress;
use crate::surroundings::Surroundings;
use crate::wiring;

/// How often the child may end before it was caught in the middle of an upload.
const TRIES: u32 = 4;
/// How often the child's files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// The first try waits for this part of the bytes, in hundredths; each further one for half of that.
const KILL_AT: u64 = 40;

/// What came of it.
#[derive(Debug)]
pub struct Killed {
    /// Bytes in the tier's files when the child was killed.
    pub written: u64,
    /// Bytes of sealed segments that it had to upload.
    pub of: u64,
    /// Segments committed by then.
    pub committed: u64,
    /// Segments that the second run added.
    pub added: u64,
    /// Objects that nothing names.
    pub orphans: u64,
    /// What is there in the end.
    pub read: ReadBack,
}

/// Starts `firnline offload` as a process of its own, kills it, and runs the same again to the end.
pub async fn show(place: &Place, ledger: &Ledger, around: &Surroundings) -> Result<Killed> {
    let progress = Progress::open_ended("killing an offload in mid-upload");
    let of_bytes = ledger.sum(|partition| partition.sealed_bytes);
    let mut written = None;
    for attempt in 0..TRIES {
        written = kill(place, (of_bytes * KILL_AT / 100) >> attempt).await?;
        if written.is_some() {
            break;
        }
        progress.on("it was done before it was killed; once more");
    }
    let Some(written) = written else {
        return Err(differs("the offload was done each time before it could be killed".to_owned()).into());
    };

    let context = place.context(&place.second_tier(), around.clone())?;
    let passed = offload::pass(&context, plan(place)).await?;
    let added = passed.report.committed().count() as u64;
    super::expect(passed.report.is_complete(), "the offload after the kill left something out")?;

    let store = context.store()?;
    let parts = TierParts::new(store.clone(), context.env.clone());
    let tier =
        Tier::open(parts, wiring::tier(&context.config, store.settings())).await.map_err(of::open_tier)?;
    let tips = ledger.partitions.iter().map(|partition| partition.tip.clone()).collect();
    let wrong = Mutex::new(Vec::new());
    let found = |finding| {
        if let (Finding::Anomaly(anomaly), Ok(mut wrong)) = (finding, wrong.lock()) {
            wrong.push(anomaly.to_string());
        }
    };
    let checked = tier.check(tips, CheckDepth::Existence, 1, &found).await;
    if let Some(wrong) = wrong.into_inner().unwrap_or_default().first() {
        return Err(differs(format!("after the kill: {wrong}")).into());
    }
    let read = readback::all(&store, ledger, &progress).await?;
    let killed = Killed {
        written,
        of: of_bytes,
        committed: checked.segments - added,
        added,
        orphans: checked.unnamed,
        read,
    };
    super::expect(killed.read.is_whole(), "after the kill the tier is not what was written")?;
    Ok(killed)
}

/// Runs the child until so many bytes are written and an upload is under way, then kills it. Gives what was written; nothing
/// if it ended before.
async fn kill(place: &Place, at: u64) -> Result<Option<u64>> {
    let tier = place.second_tier();
    if tier.exists() {
        fs::remove_dir_all(&tier).map_err(|error| io("remove", &tier, error))?;
    }
    let failed = |action: &str, error| {
        Failure::new(&codes::LOCAL_IO, format!("{action} this program")).caused_by(error)
    };
    let program = std::env::current_exe().map_err(|error| failed("find", error))?;
    let mut child = Command::new(program)
        .args(["offload", "--once", "--assume-committed", "--json"])
        .arg("--config")
        .arg(place.config()?)
        .arg("--log-dir")
        .arg(place.log_dir())
        .arg("--store")
        .arg(&tier)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed("start", error))?;
    let under_way = tier.join(".firnline-store").join("tmp");
    let caught = loop {
        if child.try_wait().map_err(|error| failed("watch", error))?.is_some() {
            break None;
        }
        let written = bytes_below(&tier);
        let uploading = fs::read_dir(&under_way).is_ok_and(|mut files| files.next().is_some());
        if written >= at && uploading {
            break Some(written);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    // SIGKILL: the child gets no chance to tidy up.
    let _ = child.kill();
    child.wait().map_err(|error| failed("wait for", error))?;
    Ok(caught)
}

/// Bytes of all files below a directory. Files come and go meanwhile; what cannot be looked at counts nothing.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
