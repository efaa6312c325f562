//! A log of any bodies and headers with its checksums put right: written as a segment it reads back to the same bytes.
#![no_main]

use bytes::Bytes;
use firnline_index::segment::{
    BlockCompression, ExpectedOrigin, SegmentOptions, SegmentOrigin, SegmentTail, SegmentWriter, decode_block,
};
use firnline_index::{ClusterId, Crc32c, Offset, PartitionIndex, Salt, SegmentUuid, TopicId, TopicName};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(([mode, cut, _, _], log)) = bytes.split_first_chunk::<4>() else { return };
    let origin = SegmentOrigin {
        cluster_id: ClusterId::new("fuzz").expect("a good id"),
        topic: TopicName::new("fuzz").expect("a good name"),
        topic_id: TopicId::from_bytes([1; 16]),
        partition: PartitionIndex::ZERO,
        uuid: SegmentUuid::from_bytes([2; 16]),
    };
    let compression = if mode & 1 == 1 { BlockCompression::Zstd { level: 1 } } else { BlockCompression::None };
    let options = SegmentOptions {
        block_size: 1 << 10,
        compression,
        ..SegmentOptions::new(origin, Salt::from_bytes([0; 16]), Offset::ZERO)
    };
    let (log, ends) = repaired(log);
    let cut = ends.get(usize::from(*cut) % ends.len().max(1)).copied().unwrap_or(0);
    let mut writer = SegmentWriter::new(options).expect("settings in range");
    let mut object = Vec::new();
    let runs = [log.slice(..cut), log.slice(cut..)];
    if runs.into_iter().any(|run| writer.push(run, &mut object).is_err()) {
        return;
    }
    let Ok(summary) = writer.finish(&mut object) else { return };
    let object = Bytes::from(object.concat());
    assert_eq!(Crc32c::of(&object), summary.object_crc);
    let at = usize::try_from(summary.tail_position.get()).expect("inputs are short");
    let tail = SegmentTail::parse(object.slice(at..), summary.tail_position, &ExpectedOrigin::default());
    let tail = tail.expect("a tail that was just written");
    let blocks = tail.index().entries().map(|entry| {
        let place = |position| usize::try_from(position).expect("inputs are short");
        let stored = object.slice(place(entry.stored.start)..place(entry.stored.end));
        decode_block(&entry, stored).expect("a block that was just written")
    });
    assert_eq!(blocks.collect::<Vec<_>>().concat(), log);
});

/// The longest prefix of whole batches of magic 2, with their checksums, offsets and epochs put right, and where each ends.
fn repaired(log: &[u8]) -> (Bytes, Vec<usize>) {
    let (mut out, mut ends, mut next) = (Vec::new(), Vec::new(), 0_i64);
    let mut rest = log;
    while let Some((header, after)) = rest.split_first_chunk::<61>() {
        let body = after.len().min(usize::from(u16::from_be_bytes([header[10], header[11]])));
        let mut batch = [&header[..], &after[..body]].concat();
        let delta = i32::from(header[26]);
        batch[..8].copy_from_slice(&next.to_be_bytes());
        batch[8..12].copy_from_slice(&i32::try_from(49 + body).expect("bodies are short").to_be_bytes());
        batch[12..16].fill(0);
        batch[16] = 2;
        batch[22] &= !0x27;
        batch[23..27].copy_from_slice(&delta.to_be_bytes());
        batch[57..61].copy_from_slice(&(delta.min(i32::from(header[60]))).to_be_bytes());
        let crc = Crc32c::of(&batch[21..]).get().to_be_bytes();
        batch[17..21].copy_from_slice(&crc);
        next += i64::from(delta) + 1;
        out.extend(batch);
        ends.push(out.len());
        rest = &after[body..];
    }
    (out.into(), ends)
}
