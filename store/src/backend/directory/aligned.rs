//! Aligned buffers that are used again.

use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// Alignment that all disks of today take, and a page.
pub(super) const ALIGNMENT: usize = 4096;

/// Bytes per call: the call itself then vanishes beside the transfer.
const BUFFER_BYTES: usize = 1 << 20;

/// Buffers kept while unused.
const IDLE_BUFFERS: usize = 8;

/// Aligned buffers that are used again: a fresh one costs a page fault per 4 KiB, together more than the copy into it.
/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct AlignedBuffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl AlignedBuffers {
    /// Fills `length` bytes of a buffer by `fill`; it goes back with the last slice of them. `None` where the length fills
    /// less than half of a buffer, or more than one.
    pub(super) fn filled<E>(
        &self,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Option<Result<Bytes, E>> {
        if !(BUFFER_BYTES / 2..=BUFFER_BYTES).contains(&length) {
            return None;
        }
        let mut buffer = self.take();
        buffer.length = length;
        Some(fill(&mut buffer.space()[..length]).map(|()| Bytes::from_owner(buffer)))
    }

    pub(super) fn take(&self) -> AlignedBuffer {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let memory = idle.unwrap_or_else(|| vec![0; BUFFER_BYTES + ALIGNMENT]);
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        AlignedBuffer { memory, start, length: BUFFER_BYTES, home: self.clone() }
    }
}

/// One of them, on loan.
pub(super) struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    /// How many of its bytes are shown.
    length: usize,
    home: AlignedBuffers,
}

impl AsRef<[u8]> for AlignedBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.memory[self.start..][..self.length]
    }
}

impl AlignedBuffer {
    /// [`BUFFER_BYTES`], aligned.
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..][..BUFFER_BYTES]
    }
}

impl Drop for AlignedBuffer {
    fn drop(&mut self) {
        let mut idle = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_BUFFERS {
            idle.push(std::mem::take(&mut self.memory));
        }
    }
}
