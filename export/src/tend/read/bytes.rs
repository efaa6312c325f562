//! Bytes of files by ranges.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use firnline_table::io::{FileIo, IoError};
use futures::{StreamExt as _, TryStreamExt as _};

use super::FileReadError;

/// The longest request, in bytes.
const REQUEST_BYTES: u64 = 8 << 20;

/// How many requests go on at once.
const REQUESTS: usize = 8;

/// Ranges with less than so many bytes between them are asked for together.
const NEAR_BYTES: u64 = 64 << 10;

/// Where files are read from.
#[async_trait]
pub trait FileBytes: Send + Sync {
    /// The last bytes of a file, at most `length`, and how long it is.
    async fn tail(&self, location: &str, length: u64) -> Result<(Bytes, u64), FileReadError>;

    /// The bytes of a range, all of them.
    async fn range(&self, location: &str, range: Range<u64>) -> Result<Bytes, FileReadError>;
}

fn failed(location: &str, error: IoError) -> FileReadError {
    let missing = error.is_not_found();
    FileReadError::Store { location: location.to_owned(), missing, source: Arc::new(error) }
}

#[async_trait]
impl FileBytes for FileIo {
    async fn tail(&self, location: &str, length: u64) -> Result<(Bytes, u64), FileReadError> {
        self.get_tail(location, length).await.map_err(|error| failed(location, error))
    }

    async fn range(&self, location: &str, range: Range<u64>) -> Result<Bytes, FileReadError> {
        self.get_range(location, range).await.map_err(|error| failed(location, error))
    }
}

/// The bytes of several ranges, each in one piece, in their order.
pub(super) async fn ranges(
    bytes: &dyn FileBytes,
    location: &str,
    wanted: &[Range<u64>],
) -> Result<Vec<Bytes>, FileReadError> {
    let groups = together(wanted);
    let mut pieces = Vec::new();
    for group in &groups {
        let mut start = group.start;
        while start < group.end {
            let end = group.end.min(start.saturating_add(REQUEST_BYTES));
            pieces.push(start..end);
            start = end;
        }
    }
    let requests = pieces.into_iter().map(|piece| async move {
        let got = bytes.range(location, piece.clone()).await?;
        Ok::<_, FileReadError>((piece.start, got))
    });
    let got: Vec<(u64, Bytes)> =
        futures::stream::iter(requests).buffered(REQUESTS).boxed().try_collect().await?;
    let cut = |range: &Range<u64>| slice(&got, range).ok_or_else(|| short(location, range));
    wanted.iter().map(cut).collect()
}

fn short(location: &str, range: &Range<u64>) -> FileReadError {
    FileReadError::unsupported(location, format!("bytes {}..{} are not there", range.start, range.end))
}

/// Ranges joined where they touch or nearly do, by their starts.
fn together(wanted: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted: Vec<_> = wanted.iter().filter(|range| range.start < range.end).cloned().collect();
    sorted.sort_unstable_by_key(|range| range.start);
    let mut groups: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match groups.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(NEAR_BYTES) => {
                last.end = last.end.max(range.end)
            }
            _ => groups.push(range),
        }
    }
    groups
}

/// A range out of pieces that ascend; a copy only where it lies in more than one.
fn slice(pieces: &[(u64, Bytes)], range: &Range<u64>) -> Option<Bytes> {
    let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
    if length == 0 {
        return Some(Bytes::new());
    }
    let first = pieces.partition_point(|(start, _)| *start <= range.start).checked_sub(1)?;
    let mut left = length;
    let mut joined = BytesMut::new();
    let mut position = range.start;
    for (start, piece) in pieces.get(first..)? {
        let skip = usize::try_from(position.checked_sub(*start)?).ok()?;
        let some = piece.len().checked_sub(skip)?.min(left);
        if some == 0 {
            return None;
        }
        if some == length {
            return Some(piece.slice(skip..skip + some));
        }
        joined.extend_from_slice(piece.get(skip..skip + some)?);
        left -= some;
        position = position.checked_add(u64::try_from(some).ok()?)?;
        if left == 0 {
            return Some(joined.freeze());
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Files in memory.
    #[derive(Default)]
    pub(crate) struct Files(pub(crate) BTreeMap<String, Bytes>);

    #[async_trait]
    impl FileBytes for Files {
        async fn tail(&self, location: &str, length: u64) -> Result<(Bytes, u64), FileReadError> {
            let file =
                self.0.get(location).ok_or_else(|| FileReadError::unsupported(location, "not there"))?;
            let start = file.len().saturating_sub(usize::try_from(length).unwrap());
            Ok((file.slice(start..), u64::try_from(file.len()).unwrap()))
        }

        async fn range(&self, location: &str, range: Range<u64>) -> Result<Bytes, FileReadError> {
            let file =
                self.0.get(location).ok_or_else(|| FileReadError::unsupported(location, "not there"))?;
            Ok(file.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()))
        }
    }

    proptest! {
        #[test]
        fn any_ranges_come_back_as_they_are(wanted in proptest::collection::vec((0_u64..400_000, 0_u64..200_000), 0..8)) {
            let file: Vec<u8> = (0_u32..600_000).map(|n| u8::try_from(n * 31 % 251).unwrap()).collect();
            let files = Files(BTreeMap::from([("f".to_owned(), Bytes::from(file.clone()))]));
            let wanted: Vec<_> = wanted.into_iter().map(|(start, length)| start..start + length).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let got = runtime.block_on(ranges(&files, "f", &wanted)).unwrap();
            for (range, got) in wanted.iter().zip(got) {
                let expected = &file[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
                prop_assert!(got == expected, "{range:?}");
            }
        }
    }

    #[test]
    fn ranges_over_pieces_are_joined() {
        let pieces = [
            (0, Bytes::from_static(b"abcd")),
            (4, Bytes::from_static(b"efgh")),
            (20, Bytes::from_static(b"x")),
        ];
        assert_eq!(slice(&pieces, &(1..3)).unwrap(), "bc");
        assert_eq!(slice(&pieces, &(2..7)).unwrap(), "cdefg");
        assert_eq!(slice(&pieces, &(6..9)), None);
        assert_eq!(slice(&pieces, &(20..21)).unwrap(), "x");
    }
}
