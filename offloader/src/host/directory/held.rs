//! From files to what a sidecar decides with: chains of files, each with the log that reads them.

use std::path::Path;
use std::sync::Arc;

use firnline_index::{Offset, TimestampMs, TopicIdPartition};
use firnline_logdir::files::SegmentFileKind;
use firnline_logdir::{
    IoProblem, LogStart, PartitionDir, Piece, ReadError, SegmentFile, SourceOptions, chains,
};

use super::pins::{Pin, Sealed};
use super::shared::Shared;
use crate::chain_of;
use crate::host::{HeldChain, HeldFile, HeldPartition, PinId, Presence};
use crate::log::{DirectoryLog, PartitionLog as _};

/// A file of the broker's log, as it was last listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) base: Offset,
    pub(super) inode: u64,
    pub(super) len: u64,
    pub(super) mtime_ns: i128,
}

/// The broker's own log of a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Live<'a> {
    pub(super) dir: usize,
    pub(super) name: &'a str,
    pub(super) segments: &'a [Segment],
}

impl Live<'_> {
    fn path(&self, shared: &Shared) -> std::path::PathBuf {
        shared.dirs[self.dir].path.join(self.name)
    }
}

/// What is held of a partition. Its pins are settled; those that keep files of the live log have no `stat`.
pub(super) fn held(
    shared: &Shared,
    source: &SourceOptions,
    tip: &TopicIdPartition,
    (presence, live): (Presence, Option<Live<'_>>),
    (pins, unsettled): (&mut [Pin], Option<IoProblem>),
) -> Result<HeldPartition, ReadError> {
    let live = live.filter(|live| !live.segments.is_empty());
    let pinned = |inode: u64| {
        let of_log = |pin: &&Pin| live.is_some_and(|live| live.dir == pin.dir) && pin.name.inode == inode;
        pins.iter().find(|pin| pin.stat.is_none() && of_log(pin)).map(pin_id)
    };
    let log_files: Vec<File> = live.map_or_else(Vec::new, |live| log_files(shared, &live, pinned));
    // An empty file that is no part of the log says nothing.
    let has_bytes = |pin: &Pin| pin.stat.is_some_and(|stat| stat.len > 0);
    let loose: Vec<usize> = (0..pins.len()).filter(|&at| has_bytes(&pins[at])).collect();

    // What followed each file, while it was part of the log, tells where it ends without reading it, as long as that
    // one is still here.
    let here: Vec<u64> = loose
        .iter()
        .map(|&at| pins[at].name.inode)
        .chain(log_files.first().map(|file| file.segment.inode))
        .collect();
    let mut pieces = Vec::with_capacity(loose.len());
    let mut files = Vec::with_capacity(loose.len());
    let mut unread = unsettled.map(|problem| chain_of(&problem));
    for &at in &loose {
        let sealed = pins[at].still_sealed().filter(|sealed| here.contains(&sealed.next_inode));
        let (piece, file) = match sealed {
            Some(sealed) => known(shared, &pins[at], sealed),
            None => match read(shared, &mut pins[at], source) {
                Ok(read) => read,
                // It keeps what it holds, and the others are no worse for it.
                Err(ReadError::Io(problem)) => {
                    unread.get_or_insert_with(|| chain_of(&problem));
                    continue;
                }
                Err(error) => return Err(error),
            },
        };
        pieces.push(piece);
        files.push(Some(file));
    }

    let log_start = log_files.first().map(|first| {
        let wanted = pieces.iter().any(|p| p.end == first.segment.base && p.followed_by.is_none());
        let log = || directory_log(shared, source, tip, live, vec![first.segment.clone()]);
        let first_epoch = wanted.then(|| log().epoch_from(first.segment.base).ok().flatten()).flatten();
        LogStart { base: first.segment.base, first_epoch, id: first.segment.inode }
    });
    let grouped = chains(&pieces, log_start);
    let mut take = |chain: &[usize]| chain.iter().filter_map(|&at| files[at].take()).collect::<Vec<_>>();
    let mut chains = Vec::with_capacity(usize::from(!log_files.is_empty()) + grouped.others.len());
    if !log_files.is_empty() {
        let mut files = take(&grouped.below_log);
        files.extend(log_files);
        chains.push(chain(shared, source, tip, live, files));
    }
    for other in &grouped.others {
        chains.push(chain(shared, source, tip, None, take(other)));
    }
    Ok(HeldPartition { tip: tip.clone(), presence, chains, unread: unread.map(Arc::from) })
}

/// A file of a chain, for reading and for deciding.
struct File {
    segment: SegmentFile,
    held: HeldFile,
}

fn log_files(shared: &Shared, live: &Live<'_>, pinned: impl Fn(u64) -> Option<PinId>) -> Vec<File> {
    let path = live.path(shared);
    let file = |(at, segment): (usize, &Segment)| {
        let next_base = live.segments.get(at + 1).map(|next| next.base);
        let pin = pinned(segment.inode);
        // Read by its pin, as retention may take the broker's name away meanwhile; the file that is still written by its
        // own name, beside which the broker's index stands.
        let path = match (&pin, next_base) {
            (Some(pin), Some(_)) => shared.dirs[pin.dir].path.join(&pin.name),
            _ => path.join(SegmentFileKind::Log.name(segment.base)),
        };
        let Segment { base, inode, len, mtime_ns } = *segment;
        let active = next_base.is_none();
        File {
            segment: SegmentFile { base, path, len, mtime_ns, inode, active, next_base, torn: 0 },
            held: HeldFile {
                base,
                end: next_base,
                bytes: len,
                written_at: timestamp(mtime_ns),
                pin,
                sole_link: false,
            },
        }
    };
    live.segments.iter().enumerate().map(file).collect()
}

/// A pin whose end is known by what followed it.
fn known(shared: &Shared, pin: &Pin, sealed: Sealed) -> (Piece, File) {
    let piece = Piece {
        base: pin.name.base,
        end: sealed.end,
        first_epoch: None,
        last_epoch: None,
        mtime_ns: sealed.mtime_ns,
        id: pin.name.inode,
        followed_by: Some(sealed.next_inode),
    };
    let file = pin_file(shared, pin, sealed.end, (sealed.len, 0));
    (piece, file)
}

/// A pin whose end its batches tell.
fn read(shared: &Shared, pin: &mut Pin, source: &SourceOptions) -> Result<(Piece, File), ReadError> {
    let content = pin.content(shared, &source.limits)?;
    let piece = Piece {
        base: pin.name.base,
        end: content.end,
        first_epoch: content.first_epoch,
        last_epoch: content.last_epoch,
        mtime_ns: pin.stat.map_or(0, |stat| stat.mtime_ns),
        id: pin.name.inode,
        followed_by: None,
    };
    let file = pin_file(shared, pin, content.end, (content.len, content.torn));
    Ok((piece, file))
}

fn pin_file(shared: &Shared, pin: &Pin, end: Offset, (len, torn): (u64, u64)) -> File {
    let mtime_ns = pin.stat.map_or(0, |stat| stat.mtime_ns);
    let segment = SegmentFile {
        base: pin.name.base,
        path: shared.dirs[pin.dir].pins.path_of(&pin.name),
        len,
        mtime_ns,
        inode: pin.stat.map_or(pin.name.inode, |stat| stat.inode),
        active: false,
        next_base: Some(end),
        torn,
    };
    let held = HeldFile {
        base: pin.name.base,
        end: Some(end),
        bytes: len,
        written_at: timestamp(mtime_ns),
        pin: Some(pin_id(pin)),
        sole_link: pin.stat.is_some_and(|stat| stat.is_sole_link()),
    };
    File { segment, held }
}

fn chain(
    shared: &Shared,
    source: &SourceOptions,
    tip: &TopicIdPartition,
    live: Option<Live<'_>>,
    files: Vec<File>,
) -> HeldChain {
    let (mut segments, mut files): (Vec<_>, Vec<_>) =
        files.into_iter().map(|file| (file.segment, file.held)).unzip();
    // They are held as long as nothing changes, mostly of one file or two, and a vector makes room for four.
    segments.shrink_to_fit();
    files.shrink_to_fit();
    let start = files.first().map_or(Offset::ZERO, |file| file.base);
    let sealed_end = files.last().map_or(start, |last| last.end.unwrap_or(last.base));
    let log = Arc::new(directory_log(shared, source, tip, live, segments));
    HeldChain { log, is_log: live.is_some(), start, sealed_end, files }
}

fn directory_log(
    shared: &Shared,
    source: &SourceOptions,
    tip: &TopicIdPartition,
    live: Option<Live<'_>>,
    segments: Vec<SegmentFile>,
) -> DirectoryLog {
    let in_pins = || segments.first().and_then(|first| first.path.parent()).map(Path::to_owned);
    let path = live.map(|live| live.path(shared)).or_else(in_pins).unwrap_or_default();
    let dir = PartitionDir { tip: tip.clone(), path, segments, foreign: Vec::new() };
    DirectoryLog { dir, options: source.clone() }
}

fn pin_id(pin: &Pin) -> PinId {
    PinId { dir: pin.dir, name: pin.name.to_string() }
}

/// A file written before 1970 counts as written in 1970.
fn timestamp(mtime_ns: i128) -> TimestampMs {
    i64::try_from(mtime_ns / 1_000_000)
        .ok()
        .and_then(|ms| TimestampMs::new(ms).ok())
        .unwrap_or(TimestampMs::ZERO)
}
