//! Reading one record: checked against what was asked for, in every byte. All calls block.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::Bytes;
use firnline_index::Crc32c;

use super::dir::open_slab;
use super::format::{FormatError, RECORD_HEADER_LEN, RecordHeader, RecordKey, UNIT};
use super::held::Place;

/// A record that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) key: RecordKey,
    /// The length of its payload, as the segment says.
    pub(super) length: u32,
    /// Where it lies.
    pub(super) place: Place,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRead {
    /// Its slab has gone: it gave way, or somebody removed it.
    #[error("its file has gone")]
    Gone,
    /// This time.
    #[error("its file cannot be opened")]
    Shut(#[source] io::Error),
    #[error("it cannot be read")]
    Io(#[source] io::Error),
    #[error("its header is damaged")]
    Header(#[source] FormatError),
    #[error("it belongs to another block")]
    Other,
    #[error("its checksum does not hold")]
    Crc,
}

/// Slabs as they are read, one after the other; the last is kept open.
#[derive(Debug)]
pub(super) struct Slabs<'a> {
    dir: &'a Path,
    open: Option<(u32, File)>,
}

impl<'a> Slabs<'a> {
    pub(super) fn new(dir: &'a Path) -> Self {
        Self { dir, open: None }
    }

    /// The payload of a record. An open and a read, or a read alone where the last one was in the same slab.
    pub(super) fn read(&mut self, asked: &Asked) -> Result<Bytes, NotRead> {
        let Place { slab, at } = asked.place;
        if self.open.as_ref().is_none_or(|(open, _)| *open != slab) {
            let file = open_slab(self.dir, slab).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => NotRead::Gone,
                _ => NotRead::Shut(error),
            })?;
            self.open = Some((slab, file));
        }
        let Some((_, file)) = &self.open else { return Err(NotRead::Gone) };
        let length = usize::try_from(asked.length).map_err(|_| NotRead::Other)?;
        let mut bytes = vec![0; RECORD_HEADER_LEN.saturating_add(length)];
        file.read_exact_at(&mut bytes, u64::from(at) * UNIT).map_err(NotRead::Io)?;
        let header = RecordHeader::parse(&bytes).map_err(NotRead::Header)?;
        if header.key != asked.key || header.length != asked.length {
            return Err(NotRead::Other);
        }
        let payload = Bytes::from(bytes).slice(RECORD_HEADER_LEN..);
        if Crc32c::of(&payload) == header.crc { Ok(payload) } else { Err(NotRead::Crc) }
    }
}
