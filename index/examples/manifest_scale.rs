//! A manifest of a million segments, all its pages loaded: how much memory it takes, counted and as the process
//! grows, and how many bytes a commit writes on the way. One line of JSON on standard output.
//!
//! `cargo run --release -p firnline-index --example manifest_scale`

#[path = "../tests/it/meta/samples.rs"]
#[allow(dead_code, reason = "the golden files use the rest")]
mod samples;

use std::error::Error;
use std::io::Write;

use firnline_index::manifest::{Manifest, ManifestKind, Page};
use samples::{cluster, commit, entry, object_uuid, offset, tip};

const SEGMENTS: u64 = 1_000_000;
/// Where commit bytes are taken: with a full head, that is, right before a spill.
const WATCHED: [u64; 3] = [10_000, 100_000, SEGMENTS];

fn main() -> Result<(), Box<dyn Error>> {
    let rss_before = resident_bytes()?;
    let mut head = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(0), commit(0));
    let mut pages = Vec::new();
    let mut commit_bytes = Vec::new();
    for n in 0..SEGMENTS {
        head.append(entry(n, n * 1_000, n * 1_000 + 1_000, 1), Vec::new())?;
        while let Some(spill) = head.spill(|| object_uuid(pages.len() as u64))? {
            pages.push(Page::decode_named(&spill.bytes, &spill.page, &cluster(), &tip())?);
            head = spill.head;
        }
        if WATCHED.contains(&(n + 1)) {
            commit_bytes.push(head.encode()?.len());
        }
    }
    let counted = head.memory_bytes() + pages.iter().map(Page::memory_bytes).sum::<usize>();
    let grown = resident_bytes()?.saturating_sub(rss_before);
    writeln!(
        std::io::stdout(),
        "{{\"segments\":{SEGMENTS},\"pages\":{},\"memory_bytes_counted\":{counted},\"resident_bytes_grown\":{grown},\
         \"commit_bytes_at_10k\":{},\"commit_bytes_at_100k\":{},\"commit_bytes_at_1m\":{}}}",
        pages.len(),
        commit_bytes[0],
        commit_bytes[1],
        commit_bytes[2]
    )?;
    Ok(())
}

/// What the process holds in memory, as Linux tells it.
fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}
