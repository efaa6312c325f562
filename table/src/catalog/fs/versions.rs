//! Which versions of a table's metadata there are.

use crate::io::{FileIo, IoError};
use std::collections::BTreeSet;

/// Versions looked for above a hint, one after the other, before they are listed instead: a hint is one or two behind where
/// a writer died, and far behind only where nobody could write it.
const PROBES: u64 = 16;

/// The longest hint that is believed, in bytes: twenty digits and a line's end.
const MAX_HINT: usize = 24;

/// A version of the metadata, and what its file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) version: u64,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Plain,
    /// `.gz.metadata.json`, as Iceberg writes it.
    Gzip,
    /// `.metadata.json.gz`, as it once did.
    OldGzip,
}

impl Ending {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Gzip, ".gz.metadata.json"),
        (Self::OldGzip, ".metadata.json.gz"),
        (Self::Plain, ".metadata.json"),
    ];

    fn text(self) -> &'static str {
        match self {
            Self::Plain => ".metadata.json",
            Self::Gzip => ".gz.metadata.json",
            Self::OldGzip => ".metadata.json.gz",
        }
    }
}

impl Found {
    /// A version as we write it.
    pub(super) fn plain(version: u64) -> Self {
        Self { version, ending: Ending::Plain }
    }

    pub(super) fn location(self, table: &str) -> String {
        format!("{table}/metadata/v{}{}", self.version, self.ending.text())
    }

    /// From a file's name; `None` for other files.
    fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix('v')?;
        let (ending, digits) =
            Ending::ALL.iter().find_map(|(ending, text)| Some((*ending, rest.strip_suffix(text)?)))?;
        Some(Self { version: number(digits)?, ending })
    }
}

/// A number as versions are written: digits without a sign or leading zeros.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let canonical = digits == "0" || !digits.starts_with('0');
    // The next version has to be a number, too.
    digits.parse().ok().filter(|version| plain && canonical && *version < u64::MAX)
}

/// The versions of one table.
#[derive(Debug)]
pub(super) struct Versions<'a> {
    io: &'a FileIo,
    table: &'a str,
}

impl<'a> Versions<'a> {
    pub(super) fn new(io: &'a FileIo, table: &'a str) -> Self {
        Self { io, table }
    }

    /// The newest version, `None` if there is none at all. One GET and a HEAD for each version above the hint and one more.
    pub(super) async fn newest(&self) -> Result<Option<Found>, IoError> {
        let Some(hinted) = self.read_hint().await? else { return self.list().await };
        if !self.is_there(hinted).await? {
            return self.list().await;
        }
        for version in hinted..hinted.saturating_add(PROBES) {
            if !self.is_there(version.saturating_add(1)).await? {
                return Ok(Some(Found::plain(version)));
            }
        }
        self.list().await
    }

    /// Best effort; readers look upwards from whatever it says.
    pub(super) async fn write_hint(&self, version: u64) -> Result<(), IoError> {
        self.io.put(&self.hint(), version.to_string().into_bytes()).await
    }

    fn hint(&self) -> String {
        format!("{}/metadata/version-hint.text", self.table)
    }

    async fn read_hint(&self) -> Result<Option<u64>, IoError> {
        let bytes = match self.io.get(&self.hint()).await {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() || error.is_too_large() => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = std::str::from_utf8(&bytes).ok().filter(|text| text.len() <= MAX_HINT);
        Ok(text.and_then(|text| number(text.trim())))
    }

    async fn is_there(&self, version: u64) -> Result<bool, IoError> {
        match self.io.size(&Found::plain(version).location(self.table)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn list(&self) -> Result<Option<Found>, IoError> {
        let directory = format!("{}/metadata", self.table);
        let prefix = format!("{}/", self.io.key(&directory)?);
        let mut listing = self.io.list(&directory)?;
        let mut newest = None;
        while let Some(page) = listing.next_page().await? {
            let found = page.iter().filter_map(|file| Found::parse(file.key.strip_prefix(&prefix)?));
            newest = newest.max(found.max());
        }
        Ok(newest)
    }
}

/// The names of the directories right below one, at most `limit` of them. One LIST for each 1,000 files below, at any depth:
/// stores differ in the order of what they list, so that leaping over directories would miss some.
pub(super) async fn directories(
    io: &FileIo,
    directory: &str,
    limit: usize,
) -> Result<BTreeSet<String>, IoError> {
    let prefix = format!("{directory}/");
    let mut names = BTreeSet::new();
    let mut listing = io.list(&io.location(directory))?;
    while let Some(page) = listing.next_page().await? {
        let below = page.iter().filter_map(|file| file.key.strip_prefix(&prefix)?.split_once('/'));
        names.extend(below.map(|(name, _)| name.to_owned()));
        if names.len() >= limit {
            break;
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names_and_nothing_else_is() {
        for (name, version) in [
            ("v1.metadata.json", Some(1)),
            ("v120.metadata.json", Some(120)),
            ("v0.metadata.json", Some(0)),
            ("v2.gz.metadata.json", Some(2)),
            ("v2.metadata.json.gz", Some(2)),
            ("v01.metadata.json", None),
            ("v.metadata.json", None),
            ("v+1.metadata.json", None),
            ("v18446744073709551615.metadata.json", None),
            ("v99999999999999999999.metadata.json", None),
            ("00001-abc.metadata.json", None),
            ("v1.metadata.json.tmp", None),
            ("version-hint.text", None),
        ] {
            assert_eq!(Found::parse(name).map(|found| found.version), version, "{name}");
        }
        for found in [Found::plain(7), Found::parse("v7.gz.metadata.json").unwrap()] {
            let location = found.location("s3://b/t");
            let name = location.strip_prefix("s3://b/t/metadata/").unwrap();
            assert_eq!(Found::parse(name), Some(found));
        }
    }
}
