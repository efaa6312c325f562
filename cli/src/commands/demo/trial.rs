//! One bit flipped in an object: is it noticed, is it named, and is all well once it is mended?

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use firnline_index::{Offset, OffsetRange};
use firnline_reader::{Isolation, ReadError, Reader, ReaderSettings, ScanItem};
use firnline_tier::{Tier, TierParts, TierSettings};

use super::log::Ledger;
use super::place::{Place, io};
use super::{differs, fresh};
use crate::failure::{Failure, Result, codes, of};

/// What came of it.
#[derive(Debug)]
pub struct Trial {
    /// The object.
    pub key: String,
    /// The byte whose bit was flipped.
    pub position: u64,
    /// What the reader said.
    pub refusal: String,
}

/// Flips a bit in the middle of a block, reads, flips it back, reads again.
pub async fn show(place: &Place, ledger: &Ledger) -> Result<Trial> {
    let Some(partition) = ledger.partitions.iter().find(|partition| partition.tip.topic.as_str() == "orders")
    else {
        return Err(differs("the demo's log has no orders".to_owned()).into());
    };
    let store = fresh(place);
    let settings = TierSettings::for_store(store.settings());
    let parts = TierParts::new(store, firnline_store::Env::system());
    let tier = Tier::open(parts, settings).await.map_err(of::open_tier)?;
    let nothing = || differs(format!("nothing of {} is in the tier", partition.tip));
    let manifest = tier.manifest(&partition.tip).await.map_err(of::read)?.ok_or_else(nothing)?.manifest;
    let entry = manifest.entries.last().ok_or_else(nothing)?;
    let tail = tier
        .segment_tail(&partition.tip, entry)
        .await
        .map_err(|error| Failure::new(&codes::DEMO, "open a segment").caused_by(error))?;
    let block = tail.index().entry(tail.index().len() / 2).ok_or_else(nothing)?;
    let key = entry.object_key(&partition.tip);
    let position = block.stored.start + block.stored_len() / 2;
    let path = place.tier().join(&key);
    let (from, until) = (block.first_offset, partition.sealed_end);

    flip(&path, position)?;
    let refused = read(place, partition, from, until).await;
    flip(&path, position)?;
    let refusal = match refused {
        // The last cause names the block and both checksums.
        Err(error @ ReadError::Block { .. }) => {
            std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
        }
        Err(error) => return Err(of::reader(error).into()),
        Ok(()) => {
            return Err(differs(format!("a flipped bit at byte {position} of {key} was not noticed")).into());
        }
    };
    read(place, partition, from, until).await.map_err(of::reader)?;
    Ok(Trial { key, position, refusal })
}

/// Reads a stretch to its end, with empty caches.
async fn read(
    place: &Place,
    partition: &super::log::PartitionLedger,
    from: Offset,
    until: Offset,
) -> std::result::Result<(), ReadError> {
    let reader = Reader::new(fresh(place), ReaderSettings::default());
    let Ok(range) = OffsetRange::new(from, until) else { return Ok(()) };
    let mut scan = reader.scan(&partition.tip, range, Isolation::ReadUncommitted);
    while let Some(ScanItem::Batches(_) | ScanItem::Gap(_) | ScanItem::Gone(_)) = scan.next().await? {}
    Ok(())
}

fn flip(path: &Path, position: u64) -> Result<()> {
    let file =
        OpenOptions::new().read(true).write(true).open(path).map_err(|error| io("open", path, error))?;
    let mut byte = [0];
    let flipped = file.read_exact_at(&mut byte, position).and_then(|()| {
        byte[0] ^= 0x10;
        file.write_all_at(&byte, position)
    });
    Ok(flipped.map_err(|error| io("change", path, error))?)
}
