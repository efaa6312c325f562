//! `--plan`: what an export would read, write and cost. Changes nothing, not even who exports.

use firnline_export::position::{OFFSETS, Positions};
use firnline_store::RequestKind;

use super::open::{Asked, Work, open, topic_id};
use crate::args::{ExportArgs, GlobalArgs};
use crate::exit::Exit;
use crate::failure::{Result, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;
use crate::wiring;

/// Bytes of one request to the tier, and of one part of a file that is written.
const REQUEST_BYTES: u64 = 8 << 20;
/// Of bytes as the log has them, so many hundredths come out as Parquet where nothing is known of the records: between what
/// measured rows of 216 bytes came to (16) and what was compressed by its producers already (100).
const PARQUET_PERCENT: u64 = 50;
/// Requests of a commit: manifest, list, metadata, and a look before.
const COMMIT_REQUESTS: u64 = 4;

/// What is to be read of a table's topic.
#[derive(Debug, Default)]
struct Reading {
    offsets: u64,
    bytes: u64,
    partitions: u64,
}

/// Prints the plan.
pub(super) async fn run(
    args: ExportArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let opened = open(args.tier.as_deref(), &args.topic, global, around).await?;
    let asked = Asked { skip_gone: args.skip_gone, continue_as: topic_id(args.continue_as.as_deref())? };
    let (prices, _) = wiring::prices(&opened.context.config, None)?;
    for work in opened.work(&asked, None).await? {
        let table = opened.catalog.load(&work.parts.table).await.map_err(of::catalog)?;
        let positions = table.as_ref().and_then(|table| table.metadata.properties().get(OFFSETS));
        // What cannot be read there stops the export itself, with its code.
        let positions: Positions = positions.and_then(|text| text.parse().ok()).unwrap_or_default();
        let Reading { offsets, bytes, partitions } = reading(&work, &positions).await?;
        let written = bytes / 100 * PARQUET_PERCENT;
        let files = written.div_ceil(work.settings.files.target_bytes.max(1));
        let reads = bytes.div_ceil(REQUEST_BYTES) + partitions;
        let writes = written.div_ceil(REQUEST_BYTES) + files.saturating_mul(COMMIT_REQUESTS);
        let dollars = prices.of(RequestKind::Get, reads) + prices.of(RequestKind::Put, writes);
        Sheet::new("table")
            .with("table", Cell::Text(work.parts.table.to_string()))
            .with("is_new", Cell::Flag(table.is_none()))
            .with("partitions", Cell::Count(partitions))
            .with("offsets", Cell::Count(offsets))
            .with("read_bytes", Cell::Bytes(bytes))
            .with("read_requests", Cell::Count(reads))
            .with("about_written_bytes", Cell::Bytes(written))
            .with("about_files", Cell::Count(files))
            .with("about_request_dollars", Cell::Decimal(dollars))
            .with("about_storage_dollars_a_month", Cell::Decimal(prices.object_month(written)))
            .show(args.json, out)?;
    }
    opened.reader.shutdown().await;
    Ok(Exit::Fine)
}

/// What lies between where the table stands and the tier's end. Bytes are reckoned by what an offset takes in the newest
/// segments.
async fn reading(work: &Work, positions: &Positions) -> Result<Reading> {
    let mut reading = Reading::default();
    for partition in &work.parts.partitions {
        let standing =
            work.parts.source.standing(*partition).await.map_err(|error| of::export(error.into()))?;
        let from = positions
            .get(*partition)
            .map_or(standing.start, |position| position.next_offset.max(standing.start));
        let offsets = u64::try_from(standing.end.get().saturating_sub(from.get())).unwrap_or(0);
        if offsets == 0 {
            continue;
        }
        let (mut bytes, mut covered) = (0_u128, 0_u128);
        for entry in &standing.manifest.entries {
            bytes += u128::from(entry.log_bytes.get());
            covered += u128::try_from(entry.range.end().get() - entry.range.start().get()).unwrap_or(0);
        }
        let reckoned = (bytes * u128::from(offsets)).checked_div(covered).unwrap_or(0);
        reading.offsets += offsets;
        reading.bytes = reading.bytes.saturating_add(u64::try_from(reckoned).unwrap_or(u64::MAX));
        reading.partitions += 1;
    }
    Ok(reading)
}
