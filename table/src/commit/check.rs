//! Whether a change can be made at all.

use super::change::{Change, Operation};
use super::error::BuildError;
use crate::io::FileIo;
use crate::manifest::{DataFile, FileContent, FileFormat};
use std::collections::HashSet;

/// Finds what no table would take, before anything is written.
pub(super) fn check(change: &Change, io: &FileIo, format_version: u8) -> Result<(), BuildError> {
    let invalid = |why: &str| Err(BuildError::Invalid(why.to_owned()));
    let (adds, deletes, removes) =
        (!change.add.is_empty(), !change.add_deletes.is_empty(), !change.remove.is_empty());
    match change.operation {
        Operation::Append if deletes || removes => {
            return invalid("an append has delete files or removes files; it is a row delta or an overwrite");
        }
        Operation::Delete if adds => return invalid("a delete adds data files; it is an overwrite"),
        Operation::Replace if adds && !removes => {
            return invalid("a replacement adds files and removes none, so that rows would be there twice");
        }
        _ => {}
    }
    if change.keep_sequence.is_some() && change.operation != Operation::Replace {
        return invalid("only files that replace others keep their sequence number");
    }
    let mut paths = HashSet::new();
    for file in change.add.iter().chain(&change.add_deletes) {
        let key = io.key(&file.path)?;
        if !paths.insert((key, file.content_offset)) {
            return Err(BuildError::Invalid(format!("{} is added twice", file.path)));
        }
    }
    for file in &change.add {
        if file.content != FileContent::Data {
            return Err(BuildError::Invalid(format!("{} is a delete file among data files", file.path)));
        }
    }
    change.add_deletes.iter().try_for_each(|file| check_deletes(file, format_version))
}

fn check_deletes(file: &DataFile, format_version: u8) -> Result<(), BuildError> {
    let invalid = |why: &str| Err(BuildError::Invalid(format!("{} {why}", file.path)));
    match file.content {
        FileContent::Data => invalid("is a data file among delete files"),
        FileContent::EqualityDeletes if file.equality_ids.is_empty() => {
            invalid("deletes by values and does not say of which columns")
        }
        FileContent::PositionDeletes if file.format == FileFormat::Puffin && format_version < 3 => {
            invalid("is a deletion vector, which format version 2 has not")
        }
        FileContent::EqualityDeletes | FileContent::PositionDeletes => Ok(()),
    }
}
