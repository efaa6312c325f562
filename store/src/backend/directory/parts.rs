//! The parts of one upload: one thread at a time writes them.
//!
//! Parts come at once from as many tasks as an upload has in flight. Were each written by a thread of its own, all but one
//! would wait for the lock that [`super::direct`] needs, and be woken in turn: by a profile of a copy that was a quarter of
//! its CPU. So a part is laid into a queue, and whoever finds nobody at work sends one thread to empty it. The queue holds no
//! more than the uploader has in flight.

use super::temp::TempFile;
use crate::fault::{Attempt, FaultKind};
use crate::object::Payload;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// A temporary file, and what is still to be written to it.
#[derive(Debug)]
pub(super) struct PartFile {
    temp: TempFile,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    parts: VecDeque<WaitingPart>,
    /// Whether a thread is at work, which looks here again before it leaves.
    at_work: bool,
}

#[derive(Debug)]
struct WaitingPart {
    payload: Payload,
    offset: u64,
    written: oneshot::Sender<Attempt<()>>,
}

impl PartFile {
    pub(super) fn new(temp: TempFile) -> Arc<Self> {
        Arc::new(Self { temp, waiting: Mutex::default() })
    }

    /// The file itself: for when all parts were written.
    pub(super) fn temp(&self) -> &TempFile {
        &self.temp
    }

    /// Writes `payload` at `offset`. A dropped call leaves the write to finish.
    pub(super) async fn write(self: &Arc<Self>, payload: Payload, offset: u64) -> Attempt<()> {
        let (written, answer) = oneshot::channel();
        if self.add(WaitingPart { payload, offset, written }) {
            let file = Arc::clone(self);
            tokio::task::spawn_blocking(move || file.write_all_waiting());
        }
        // Whoever should have answered is gone without a word: its thread has panicked, or the runtime ends.
        answer.await.unwrap_or_else(|_| Err(FaultKind::Lost.into()))
    }

    /// Whether a thread has to be sent.
    fn add(&self, part: WaitingPart) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.parts.push_back(part);
        !std::mem::replace(&mut waiting.at_work, true)
    }

    fn write_all_waiting(&self) {
        let leave = Leave(self);
        while let Some(WaitingPart { payload, offset, written }) = leave.next() {
            let answer = self.temp.write(&payload, offset).and_then(|()| self.temp.flush());
            // The buffers go back before whoever waits may ask for them.
            drop(payload);
            let _ = written.send(answer);
        }
    }
}

/// Who is at work. However it leaves, nobody waits for it any more.
struct Leave<'a>(&'a PartFile);

impl Leave<'_> {
    fn next(&self) -> Option<WaitingPart> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let next = waiting.parts.pop_front();
        waiting.at_work = next.is_some();
        next
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.parts.clear();
            waiting.at_work = false;
        }
    }
}
