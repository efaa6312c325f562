//! A segment file of a broker, batch by batch.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use firnline_index::batch::{Batches, Marker, control_marker, verify_crc};
use firnline_index::log_source::SourceErrorKind;
use firnline_index::{Offset, RawPosition};
use firnline_logdir::files::{FileName, SegmentFileKind};
use firnline_logdir::{ReadError, SegmentFile, SegmentStream, SourceOptions, Tail};
use serde_json::Value;

use super::Form;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes};
use crate::output::{Cell, Out, Sheet, Word as _};

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

/// How a file ends.
#[derive(Debug, Default)]
struct End {
    word: &'static str,
    /// Where the batches end, if that is not where the file ends.
    position: Option<u64>,
    /// What is unfinished there.
    reason: Option<&'static str>,
}

impl End {
    fn of(tail: Option<Tail>) -> Self {
        match tail {
            None | Some(Tail::Whole) => Self { word: "whole", ..Self::default() },
            Some(Tail::Bound { position }) => {
                Self { word: "whole", position: Some(position), ..Self::default() }
            }
            Some(Tail::Zeros { position }) => {
                Self { word: "zeros", position: Some(position), ..Self::default() }
            }
            Some(Tail::Torn { position, bytes: _, why }) => {
                Self { word: "torn", position: Some(position), reason: Some(why.word()) }
            }
        }
    }

    fn damaged(position: u64) -> Self {
        Self { word: "damaged", position: Some(position), ..Self::default() }
    }
}

/// Shows a log file. One that is damaged ends with exit code 1.
pub fn show(path: &Path, form: Form, out: &mut Out) -> Result<Exit> {
    let metadata = std::fs::metadata(path).map_err(|error| {
        Failure::new(&codes::LOCAL_IO, format!("read {}", path.display())).caused_by(error)
    })?;
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let base = name.parse().ok().and_then(|base| Offset::new(base).ok()).unwrap_or(Offset::ZERO);
    let next_base = next_base(path, base);
    let segment = SegmentFile {
        base,
        path: path.to_owned(),
        len: metadata.len(),
        mtime_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        inode: metadata.ino(),
        active: next_base.is_none(),
        next_base,
        torn: 0,
    };
    let mut seen = Seen::default();
    let end = walk(&segment, &mut seen, form, out)?;
    let damage = seen.damage.len();
    Sheet::new("log_file")
        .with("path", path.display().to_string())
        .with("file_bytes", Cell::Bytes(metadata.len()))
        .with("sealed", next_base.is_some())
        .with("base_offset", seen.first)
        .with("next_offset", seen.next)
        .with("batches", Cell::Count(seen.batches))
        .with("control_batches", Cell::Count(seen.control))
        .with("transactional_batches", Cell::Count(seen.transactional))
        .with("records", Cell::Count(seen.records))
        .with("log_bytes", Cell::Bytes(seen.bytes))
        .with("end", end.word)
        .with("end_position", end.position.map(Cell::Count))
        .with("end_reason", end.reason)
        .with("anomalies", Cell::List(seen.damage))
        .show(form.json, out)?;
    match damage {
        0 => Ok(Exit::Fine),
        n => Err(Failure::new(&codes::LOG_DAMAGED, format!("anomalies in {}: {n}", path.display())).into()),
    }
}

/// Where the next segment beside this one begins: then this one is sealed, and must be whole up to there. A file whose
/// directory cannot be listed is taken for one that is still written.
fn next_base(path: &Path, base: Offset) -> Option<Offset> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names = std::fs::read_dir(parent).ok()?.flatten().map(|entry| entry.file_name());
    let bases = names.filter_map(|name| match FileName::parse(name.to_str()?) {
        FileName::Segment(SegmentFileKind::Log, found) => Some(found),
        _ => None,
    });
    bases.filter(|found| *found > base).min()
}

/// Walks over all batches and says how the file ends.
fn walk(segment: &SegmentFile, seen: &mut Seen, form: Form, out: &mut Out) -> Result<End> {
    let options = SourceOptions::default();
    let mut stream = SegmentStream::open(segment, &options).map_err(unreadable)?;
    let (mut run_bytes, mut position) = (RUN_BYTES, 0);
    loop {
        let run = match stream.next_run(run_bytes) {
            Ok(Some(run)) => run,
            Ok(None) => break,
            Err(error) if error.kind() != SourceErrorKind::Damaged => return Err(unreadable(error).into()),
            Err(_) if run_bytes > 1 => {
                // The sound batches before the damage went with their run; one by one they are shown.
                stream = SegmentStream::open(segment, &options).map_err(unreadable)?;
                (run_bytes, position) = (1, 0);
                continue;
            }
            Err(error) => {
                let sentence =
                    Failure::new(&codes::LOG_DAMAGED, "the batches end here").caused_by(error).sentence();
                seen.damage.push((sentence.clone(), Value::from(sentence)));
                return Ok(End::damaged(seen.bytes));
            }
        };
        let at = RawPosition::new(position);
        position += run.bytes.len() as u64;
        if position <= seen.bytes {
            continue;
        }
        for batch in Batches::new(&run.bytes, at, run.range.start(), options.limits) {
            match batch {
                Ok(batch) => one(&batch.header, batch.position, batch.bytes, seen, form, out)?,
                Err(error) => {
                    let text = error.to_string();
                    seen.damage.push((text.clone(), Value::from(text)));
                    return Ok(End::damaged(seen.bytes));
                }
            }
        }
    }
    Ok(End::of(stream.tail()))
}

/// A file that could not be read to its end, which says nothing about its content.
fn unreadable(error: ReadError) -> Failure {
    let code = match error.kind() {
        SourceErrorKind::Changed => codes::LOG_CHANGED,
        _ => codes::LOCAL_IO,
    };
    Failure::new(&code, "the log file was not read to its end").caused_by(error)
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
        Ok(Marker::Commit) => "commit",
        Ok(Marker::Abort) => "abort",
        Ok(Marker::Other(_)) => "other",
        Err(_) => "damaged",
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
