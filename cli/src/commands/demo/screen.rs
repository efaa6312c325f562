//! The demo's one screen: at most 50 lines of 100 columns.

use std::path::Path;
use std::time::Duration;

use firnline_offloader::PassReport;
use firnline_store::RequestKind;
use firnline_store::price::PriceList;

use super::killed::Killed;
use super::log::Ledger;
use super::readback::ReadBack;
use super::seek::Sought;
use super::trial::Trial;
use crate::commands::offload::Passed;
use crate::failure::Result;
use crate::output::Out;
use crate::units::{bytes, count, money, percent, rate, seconds, show_time};

/// Width of the column of heads.
const HEAD: usize = 12;
/// Columns of the screen.
const WIDTH: usize = 100;
/// Width of a partition's bar.
const BAR: u64 = 36;
/// What the cost is shown for.
const TEN_TB: u64 = 10_000_000_000_000;

/// Writes line by line, as the steps are done.
pub struct Screen<'a> {
    out: &'a mut Out,
}

impl<'a> Screen<'a> {
    /// An empty screen.
    pub fn new(out: &'a mut Out) -> Self {
        Self { out }
    }

    /// The title.
    pub fn head(&mut self, root: &Path) -> Result<()> {
        let title = self.out.paint().strong("firnline demo");
        // A temporary directory's path may be long: on a line of its own it pushes nothing past the edge.
        self.out.line(format!("{title}: every number below is measured in this run, in"))?;
        self.out.line(root.display().to_string())?;
        self.out.line("")?;
        self.out.flush()
    }

    fn row(&mut self, head: &str, lines: &[String]) -> Result<()> {
        let paint = self.out.paint();
        for (at, line) in lines.iter().enumerate() {
            let head = format!("{:<HEAD$}", if at == 0 { head } else { "" });
            self.out.line(format!("{}{line}", paint.strong(&head)))?;
        }
        // Shown at once: the steps take seconds, and the reader follows.
        self.out.flush()
    }

    /// What was written.
    pub fn log(&mut self, ledger: &Ledger) -> Result<()> {
        let sum = |of: fn(&super::log::PartitionLedger) -> u64| ledger.sum(of);
        let codecs: Vec<String> =
            ledger.by_codec().iter().map(|(codec, size)| format!("{codec} {}", bytes(*size))).collect();
        let largest = ledger.partitions.iter().map(|partition| partition.largest_batch).max().unwrap_or(0);
        self.row(
            "the log",
            &[
                format!(
                    "{} partitions, {} segments, {}, {} records",
                    ledger.partitions.len(),
                    count(sum(|p| p.segments)),
                    bytes(sum(|p| p.log_bytes)),
                    count(sum(|p| p.adds.records)),
                ),
                format!("codecs: {}", codecs.join(", ")),
                format!(
                    "{} transactions: {} committed, {} aborted, {} still open",
                    count(sum(|p| p.adds.commits + p.adds.aborts + p.open)),
                    count(sum(|p| p.adds.commits)),
                    count(sum(|p| p.adds.aborts)),
                    count(sum(|p| p.open)),
                ),
                format!(
                    "{} headers, {} tombstones, the largest batch {}",
                    count(sum(|p| p.adds.headers)),
                    count(sum(|p| p.adds.tombstones)),
                    bytes(largest),
                ),
            ],
        )
    }

    /// What the offload did.
    pub fn offload(&mut self, passed: &Passed) -> Result<()> {
        let report = &passed.report;
        let writes = [
            RequestKind::Put,
            RequestKind::Create,
            RequestKind::Update,
            RequestKind::Begin,
            RequestKind::Part,
            RequestKind::Complete,
        ];
        let puts = writes.into_iter().map(|kind| passed.requests.of(kind)).sum();
        let (log, stored) = (report.log_bytes(), report.object_bytes());
        // In KiB per GiB: 2^20 times the ratio.
        let overhead = (stored.saturating_sub(log) << 20).checked_div(log).unwrap_or(0);
        self.row(
            "offload",
            &[format!(
                "{} sealed segments, {} in {} ({}), {} PUTs, index {overhead} KiB/GiB",
                count(report.committed().count() as u64),
                bytes(log),
                seconds(passed.took),
                rate(log, passed.took),
                count(puts),
            )],
        )
    }

    /// What a kill did.
    pub fn killed(&mut self, killed: &Killed) -> Result<()> {
        let Killed { written, of, committed, added, orphans, read } = killed;
        let paint = self.out.paint();
        let outcome = format!("{} lost, {} doubled", count(read.lost), count(read.doubled));
        self.row(
            "killed",
            &[
                format!(
                    "SIGKILL in mid-upload, with {} of {} written and {} segments committed",
                    bytes(*written),
                    bytes(*of),
                    count(*committed),
                ),
                format!(
                    "run again: {} more segments; {} of {} records, {} orphans",
                    count(*added),
                    paint.good(&outcome),
                    count(read.records),
                    count(*orphans),
                ),
            ],
        )
    }

    /// The broker's disk.
    pub fn disk(&mut self, before: u64, after: u64) -> Result<()> {
        let saved = percent(before - after, before);
        self.row(
            "local disk",
            &[format!(
                "{} before, {} after deleting the sealed segments: {saved} less",
                bytes(before),
                bytes(after)
            )],
        )
    }

    /// What was read back.
    pub fn read_back(&mut self, read: &ReadBack) -> Result<()> {
        let equal = format!("hashes equal {}/{}", read.equal, read.partitions);
        let paint = self.out.paint();
        let equal = if read.is_whole() { paint.good(&equal) } else { paint.bad(&equal) };
        self.row(
            "read back",
            &[format!(
                "{} records cold, {} in {} ({}), {equal} (SHA-256)",
                count(read.records),
                bytes(read.bytes),
                seconds(read.took),
                rate(read.bytes, read.took),
            )],
        )
    }

    /// The two seeks.
    pub fn seek(&mut self, sought: &Sought) -> Result<()> {
        let Sought { tip, offset, by_offset, time, by_time } = sought;
        let cost = |cost: &(u64, Duration)| format!("{} requests, {}", cost.0, seconds(cost.1));
        self.row(
            "seek",
            &[
                format!("{}/{} at offset {offset}: {}", tip.topic, tip.partition, cost(by_offset)),
                format!("{}/{} at {}: {}", tip.topic, tip.partition, show_time(*time), cost(by_time)),
            ],
        )
    }

    /// The flipped bit.
    pub fn trial(&mut self, trial: &Trial) -> Result<()> {
        let Trial { key, position, refusal } = trial;
        let paint = self.out.paint();
        self.row(
            "damage",
            &[
                format!("one bit flipped at byte {} of", count(*position)),
                cut(key),
                format!("{} {refusal}", paint.good("refused:")),
                format!("{} the bit flipped back, the same range reads again", paint.good("mended:")),
            ],
        )
    }

    /// Each partition's bar.
    pub fn partitions(&mut self, ledger: &Ledger) -> Result<()> {
        let paint = self.out.paint();
        let mut lines =
            vec![format!("{} in the tier, {} on the broker", paint.cold("█ cold"), paint.odd("▒ local"))];
        for partition in &ledger.partitions {
            let local = partition.log_bytes - partition.sealed_bytes;
            let cold = (partition.sealed_bytes * BAR).checked_div(partition.log_bytes).unwrap_or(0);
            let bar = |cells: u64| "█".repeat(usize::try_from(cells).unwrap_or(0));
            lines.push(format!(
                "{:<11}{}{} {:>9} {:>9}",
                format!("{}/{}", partition.tip.topic, partition.tip.partition),
                paint.cold(&bar(cold)),
                paint.odd(&"▒".repeat(usize::try_from(BAR - cold).unwrap_or(0))),
                bytes(partition.sealed_bytes),
                bytes(local),
            ));
        }
        self.row("partitions", &lines)
    }

    /// What it costs.
    pub fn cost(&mut self, report: &PassReport, prices: &PriceList) -> Result<()> {
        let (log, stored) = (u128::from(report.log_bytes()), u128::from(report.object_bytes()));
        let objects = (u128::from(TEN_TB) * stored).checked_div(log).unwrap_or(0);
        let objects = u64::try_from(objects).unwrap_or(u64::MAX);
        let (disk, object) = (prices.disk_month(TEN_TB, 3), prices.object_month(objects));
        let money = |amount| money(&prices.currency, amount);
        self.row(
            "cost",
            &[
                format!(
                    "10 TB of this a month: {} on 3 SSD copies, {} in the tier: {:.1} times less",
                    money(disk),
                    money(object),
                    disk / object,
                ),
                format!("list prices: {}", prices.label()),
            ],
        )
    }

    /// What to paste.
    pub fn next(&mut self, commands: &[String; 3], took: Duration, kept: bool) -> Result<()> {
        let what = if kept { "everything stays" } else { "the tier stays" };
        self.out.line("")?;
        self.out.line(format!("done in {}; {what} until you remove it. Next, try:", seconds(took)))?;
        for command in commands {
            self.out.line(format!("  {}", self.out.paint().strong(command)))?;
        }
        self.out.flush()
    }
}

/// At most as long as a row has room for; the end of a key tells it from its neighbours.
fn cut(text: &str) -> String {
    let room = WIDTH - HEAD;
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let tail: String = text.chars().skip(length - (room - 1)).collect();
    format!("…{tail}")
}
