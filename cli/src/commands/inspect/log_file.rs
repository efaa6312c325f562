//! A segment file of a broker, batch by batch.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use firnline_index::batch::{Batches, Marker, control_marker, verify_crc};
use firnline_index::{Offset, RawPosition};
use firnline_logdir::{SegmentFile, SegmentStream, SourceOptions};
use serde_json::Value;

use super::Form;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes};
use crate::output::{Cell, Out, Sheet};

/// Bytes read at a time.
const RUN_BYTES: usize = 4 << 20;

/// What was seen of a file.
#[derive(Debug, Default)]
struct Seen {
    first: Option<Offset>,
    next: Option<Offset>,
    batches: u64,
    control: u64,
    transactional: u64,
    records: u64,
    bytes: u64,
    damage: Vec<(String, Value)>,
}

/// Shows a log file. One that is damaged ends with exit code 1.
pub fn show(path: &Path, form: Form, out: &mut Out) -> Result<Exit> {
    let metadata = std::fs::metadata(path).map_err(|error| {
        Failure::new(&codes::LOCAL_IO, format!("read {}", path.display())).caused_by(error)
    })?;
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let base = name.parse().ok().and_then(|base| Offset::new(base).ok()).unwrap_or(Offset::ZERO);
    let segment = SegmentFile {
        base,
        path: path.to_owned(),
        len: metadata.len(),
        mtime_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        inode: metadata.ino(),
        active: true,
        next_base: None,
    };
    let mut seen = Seen::default();
    let tail = walk(&segment, &mut seen, form, out)?;
    let damage = seen.damage.len();
    Sheet::new("log_file")
        .with("path", path.display().to_string())
        .with("file_bytes", Cell::Bytes(metadata.len()))
        .with("base_offset", seen.first)
        .with("next_offset", seen.next)
        .with("batches", Cell::Count(seen.batches))
        .with("control_batches", Cell::Count(seen.control))
        .with("transactional_batches", Cell::Count(seen.transactional))
        .with("records", Cell::Count(seen.records))
        .with("log_bytes", Cell::Bytes(seen.bytes))
        .with("end", tail)
        .with("anomalies", Cell::List(seen.damage))
        .show(form.json, out)?;
    match damage {
        0 => Ok(Exit::Fine),
        n => Err(Failure::new(&codes::LOG_DAMAGED, format!("anomalies in {}: {n}", path.display())).into()),
    }
}

/// Walks over all batches and says how the file ends.
fn walk(segment: &SegmentFile, seen: &mut Seen, form: Form, out: &mut Out) -> Result<String> {
    let options = SourceOptions::default();
    let unreadable = |error: firnline_logdir::ReadError| {
        Failure::new(&codes::LOCAL_IO, format!("read {}", segment.path.display())).caused_by(error)
    };
    let mut stream = SegmentStream::open(segment, &options).map_err(unreadable)?;
    loop {
        let run = match stream.next_run(RUN_BYTES) {
            Ok(Some(run)) => run,
            Ok(None) => break,
            Err(error) => {
                let sentence =
                    Failure::new(&codes::LOG_DAMAGED, "the batches end here").caused_by(error).sentence();
                seen.damage.push((sentence.clone(), Value::from(sentence)));
                return Ok("damaged".to_owned());
            }
        };
        let at = RawPosition::new(seen.bytes);
        for batch in Batches::new(&run.bytes, at, run.range.start(), options.limits) {
            match batch {
                Ok(batch) => one(&batch.header, batch.position, batch.bytes, seen, form, out)?,
                Err(error) => {
                    let text = error.to_string();
                    seen.damage.push((text.clone(), Value::from(text)));
                    return Ok("damaged".to_owned());
                }
            }
        }
    }
    Ok(match stream.tail() {
        None => "whole".to_owned(),
        Some(tail) => format!("{tail:?}"),
    })
}

fn one(
    header: &firnline_index::batch::BatchHeader,
    position: RawPosition,
    bytes: &[u8],
    seen: &mut Seen,
    form: Form,
    out: &mut Out,
) -> Result<()> {
    seen.first.get_or_insert(header.base_offset);
    seen.next = Some(header.next_offset());
    seen.batches += 1;
    seen.control += u64::from(header.control);
    seen.transactional += u64::from(header.transactional && !header.control);
    seen.records += if header.control { 0 } else { u64::from(header.record_count.unwrap_or(0)) };
    seen.bytes += u64::from(header.size);
    let checked = verify_crc(header, bytes);
    if let Err(error) = &checked {
        let text = format!("batch at offset {}, byte {position}: {error}", header.base_offset);
        seen.damage.push((text.clone(), Value::from(text)));
    }
    if !form.parts {
        return Ok(());
    }
    let marker = header.control.then(|| match control_marker(header, bytes) {
        Ok(Marker::Commit) => "commit".to_owned(),
        Ok(Marker::Abort) => "abort".to_owned(),
        Ok(Marker::Other(kind)) => format!("control type {kind}"),
        Err(error) => error.to_string(),
    });
    Sheet::new("batch")
        .with("position", Cell::Count(position.get()))
        .with("base_offset", header.base_offset)
        .with("last_offset", header.last_offset)
        .with("batch_bytes", Cell::Bytes(u64::from(header.size)))
        .with("magic", Cell::Count(u64::from(header.magic)))
        .with("leader_epoch", header.leader_epoch)
        .with("codec", header.compression.name())
        .with("records", header.record_count.map(|count| Cell::Count(u64::from(count))))
        .with("max_timestamp_ms", header.max_timestamp)
        .with("producer_id", header.producer.map(|producer| producer.id))
        .with("transactional", header.transactional)
        .with("marker", marker)
        .with("crc", format!("{:08x}", header.crc))
        .with("crc_holds", checked.is_ok())
        .show(form.json, out)
}
