//! Opening a segment, and reading pieces of it.

use std::fs::File;

use super::error::ReadError;
use super::page_cache::{expect_looks, look};
use super::stat::{Change, difference};
use crate::open::open_file;
use crate::{IoProblem, SegmentFile};

/// Opens a segment that must still be the one that was found, to be looked into.
pub(crate) fn open_segment(segment: &SegmentFile) -> Result<File, ReadError> {
    let changed = |what| ReadError::Changed { path: segment.path.clone(), what };
    let file = match open_file(&segment.path) {
        Ok(file) => file,
        Err(problem) if problem.is_not_found() => return Err(changed(Change::Gone)),
        Err(problem) => return Err(problem.into()),
    };
    let metadata = file.metadata().map_err(IoProblem::at("look at", &segment.path))?;
    match difference(segment, segment.len, &metadata) {
        Some(what) => Err(changed(what)),
        None => {
            expect_looks(&file);
            Ok(file)
        }
    }
}

/// Reads into `buffer` what one system call gives; 0 at the end of the file.
pub(crate) fn read_some(
    file: &File,
    segment: &SegmentFile,
    buffer: &mut [u8],
    position: u64,
) -> Result<usize, ReadError> {
    Ok(look(file, buffer, position).map_err(IoProblem::at("read", &segment.path))?)
}

/// Fills `buffer`; `false` where the file ends before it is full.
pub(crate) fn read_exact(
    file: &File,
    segment: &SegmentFile,
    mut buffer: &mut [u8],
    mut position: u64,
) -> Result<bool, ReadError> {
    while !buffer.is_empty() {
        let count = read_some(file, segment, buffer, position)?;
        if count == 0 {
            return Ok(false);
        }
        buffer = &mut buffer[count..];
        position += count as u64;
    }
    Ok(true)
}
