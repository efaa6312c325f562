//! A segment's bytes as a stream. It makes requests as it is read; what it holds are slices of blocks in the reader's cache.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use firnline_reader::SegmentHandle;

use super::segment::Segment;
use super::{Engine, Failure, FailureKind, Inner, attached};

/// What is asked of the reader at a time: as much as a broker takes for one partition, unless it was told otherwise
/// (`max.partition.fetch.bytes`).
const READ_BYTES: usize = 1 << 20;

/// A stream of one segment. It may be read by one thread at a time; another one waits.
#[derive(Debug)]
pub struct FetchStream {
    inner: Arc<Inner>,
    handle: SegmentHandle,
    name: String,
    attached: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Where in the broker's file `held` begins.
    position: u64,
    /// One past the last byte of the stream.
    end: u64,
    held: VecDeque<Bytes>,
    /// Where a batch begins; of attached segments, as far as it is known.
    next_batch: Option<u64>,
}

impl Engine {
    /// A stream of the bytes `start..=last` of the broker's file, or up to its end. No request where the segment's end is held,
    /// else one GET, two where the broker has no custom metadata of it.
    ///
    /// # Errors
    /// [`FailureKind::NotFound`] where it is not here, or is another plugin's; a range that cannot be.
    pub fn fetch(&self, segment: &Segment, start: u32, last: Option<u32>) -> Result<FetchStream, Failure> {
        let what = format!("fetch {}", segment.name());
        if last.is_some_and(|last| last < start) {
            let why = format!("{what}: the range {start}..={} ends before it begins", last.unwrap_or(0));
            return Err(Failure::new(FailureKind::Other, why));
        }
        let inner = &self.inner;
        let of = segment.ours(&what, &inner.settings.cluster_id)?;
        let handle = inner.call("fetch a segment", inner.settings.deadlines.read, async {
            let opened = inner.core().await?.reader.segment(&of).await;
            opened.map_err(|error| Failure::read(&what, error))
        })?;
        inner.counts.fetches.fetch_add(1, Ordering::Relaxed);
        // Of an attached segment the broker may know less than there is.
        let whole = handle.log_bytes().min(segment.size.into());
        let end = last.map_or(whole, |last| whole.min(u64::from(last) + 1));
        let state =
            State { position: u64::from(start).min(end), end, held: VecDeque::new(), next_batch: None };
        let attached = segment.is_attached();
        Ok(FetchStream { inner: Arc::clone(inner), handle, name: what, attached, state: Mutex::new(state) })
    }
}

impl FetchStream {
    /// The next bytes, at most `max` and at least one; `None` at the end and never before.
    ///
    /// # Errors
    /// Whatever keeps the next byte from being served. The stream stands where it stood.
    pub fn read(&self, max: usize) -> Result<Option<Bytes>, Failure> {
        let mut state = self.state();
        if max == 0 || state.position >= state.end {
            return Ok((max == 0 && state.position < state.end).then(Bytes::new));
        }
        if state.held.is_empty() {
            state.held = self.bring(&mut state)?;
        }
        let Some(first) = state.held.front_mut() else { return Err(self.short(state.position)) };
        let piece = first.split_to(max.min(first.len()));
        if first.is_empty() {
            state.held.pop_front();
        }
        state.position += piece.len() as u64;
        self.inner.counts.fetched_bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        Ok(Some(piece))
    }

    /// Passes over as many bytes, or up to the end; tells how many. No request.
    pub fn skip(&self, bytes: u64) -> u64 {
        let mut state = self.state();
        let passed = bytes.min(state.end - state.position);
        let mut left = passed;
        while let Some(first) = state.held.front_mut() {
            let length = first.len() as u64;
            if length > left {
                let _ = first.split_to(usize::try_from(left).unwrap_or(0));
                break;
            }
            left -= length;
            state.held.pop_front();
        }
        state.position += passed;
        passed
    }

    fn bring(&self, state: &mut State) -> Result<VecDeque<Bytes>, Failure> {
        let left = usize::try_from(state.end - state.position).unwrap_or(usize::MAX);
        let limit = self.inner.settings.deadlines.read;
        let pieces = self.inner.call("read a segment", limit, async {
            let store = &self.inner.parts.store;
            self.inner.rates.before_read(|| store.counters().bytes_in).await;
            if self.attached {
                return attached::read(
                    &self.name,
                    &self.handle,
                    state.position,
                    left.min(READ_BYTES),
                    &mut state.next_batch,
                )
                .await;
            }
            let read = self.handle.read_at(state.position, left.min(READ_BYTES)).await;
            read.map_err(|error| Failure::read(&self.name, error))
        })?;
        // An empty answer here would be an early end to the broker, which then goes on behind this segment.
        if pieces.is_empty() { Err(self.short(state.position)) } else { Ok(pieces.into()) }
    }

    /// A broker takes as much as its consumer asked for, and drops the stream: the next one begins about there.
    fn leave(&self) {
        let state = self.state();
        let held: usize = state.held.iter().map(Bytes::len).sum();
        if held > 0 {
            self.handle.left_at(state.position + held as u64, state.position);
        }
    }

    fn short(&self, position: u64) -> Failure {
        let why = format!("{}: nothing came at position {position}, though the segment goes on", self.name);
        Failure::new(FailureKind::Other, why)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FetchStream {
    fn drop(&mut self) {
        self.leave();
    }
}
