//! Where in the files of a partition a damage lies. Whoever uploads checks each batch's CRC on the way and knows no files;
//! this looks again, and only where something was found.

use firnline_index::batch::{Batches, verify_crc};
use firnline_index::{Offset, RawPosition};

use crate::{Damage, PartitionDir, ReadError, SegmentFile, SegmentStream, SourceOptions};

/// Bytes read at a time.
const RUN_BYTES: usize = 1 << 20;

impl PartitionDir {
    /// The first damage in the segments that may hold offsets in `[from, until)`, with file and position. Reads those
    /// segments whole, and checks each batch's own CRC. `None` where they are sound.
    pub fn find_damage(&self, from: Offset, until: Offset, options: &SourceOptions) -> Option<ReadError> {
        let holds = |segment: &&SegmentFile| {
            segment.base < until && segment.next_base.is_none_or(|next_base| next_base > from)
        };
        self.segments.iter().filter(holds).find_map(|segment| check(segment, options).err())
    }
}

fn check(segment: &SegmentFile, options: &SourceOptions) -> Result<(), ReadError> {
    let mut stream = SegmentStream::open(segment, options)?;
    let mut position = RawPosition::ZERO;
    let mut next = segment.base;
    while let Some(run) = stream.next_run(RUN_BYTES)? {
        for batch in Batches::new(&run.bytes, position, next, options.limits) {
            let checked = batch.and_then(|batch| {
                verify_crc(&batch.header, batch.bytes).map_err(|error| error.at(batch.position))
            });
            checked.map_err(|source| ReadError::Damaged {
                path: segment.path.clone(),
                position: source.position().unwrap_or(position).get(),
                damage: Damage::Batch,
                source: Some(source.fault().clone()),
            })?;
        }
        position = RawPosition::new(position.get() + run.bytes.len() as u64);
        next = run.range.end();
    }
    Ok(())
}
