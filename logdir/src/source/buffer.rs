//! Read buffers that are used again.
//!
//! A fresh buffer of megabytes costs a page fault per 4 KiB, which is a third of what reading it from the page cache
//! costs. Buffers go back to the pool when the last slice of them is dropped, on whatever thread that happens.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Shared buffers of one size. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BufferPool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    buffer_bytes: usize,
    idle_max: usize,
    idle: Mutex<Vec<Vec<u8>>>,
}

impl BufferPool {
    /// Buffers of `buffer_bytes` each. At most `idle_max` of them are kept while unused; how many are in use at once
    /// is bounded by whoever holds the runs.
    pub fn new(buffer_bytes: usize, idle_max: usize) -> Self {
        Self { shared: Arc::new(Shared { buffer_bytes, idle_max, idle: Mutex::default() }) }
    }

    /// The size of its buffers.
    pub fn buffer_bytes(&self) -> usize {
        self.shared.buffer_bytes
    }

    /// How many buffers lie unused.
    pub fn idle(&self) -> usize {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// An empty buffer with room for at least `bytes`. One of the pool's where `bytes` fill at least half of it;
    /// a small file must not hold a large buffer, and a batch beyond the pool's size needs its own.
    pub(crate) fn take(&self, bytes: usize) -> Buffer {
        let size = self.shared.buffer_bytes;
        if bytes > size || bytes < size / 2 {
            return Buffer { vec: Vec::with_capacity(bytes.max(1)), home: None };
        }
        let idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let vec = idle.unwrap_or_else(|| Vec::with_capacity(size));
        Buffer { vec, home: Some(Arc::clone(&self.shared)) }
    }
}

impl Default for BufferPool {
    /// 8 idle buffers of 2 MiB: large enough that the system call vanishes beside the copy, small enough to stay in
    /// a shared cache level until the checksums have passed over it.
    fn default() -> Self {
        Self::new(2 << 20, 8)
    }
}

/// One buffer on its way from the pool through a [`Bytes`] back to the pool.
pub(crate) struct Buffer {
    pub(crate) vec: Vec<u8>,
    home: Option<Arc<Shared>>,
}

impl Buffer {
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.vec
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(home) = self.home.take() else { return };
        let mut idle = home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < home.idle_max {
            self.vec.clear();
            idle.push(std::mem::take(&mut self.vec));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_with_its_last_slice() {
        let pool = BufferPool::new(1024, 2);
        let mut buffer = pool.take(1024);
        buffer.vec.extend_from_slice(&[7; 1024]);
        let at = buffer.vec.as_ptr();
        let bytes = buffer.freeze();
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(pool.idle(), 0);
        drop(slice);
        assert_eq!(pool.idle(), 1);
        let again = pool.take(600);
        assert_eq!(again.vec.as_ptr(), at);
        assert!(again.vec.is_empty());
    }

    #[test]
    fn small_and_huge_requests_do_not_touch_the_pool() {
        let pool = BufferPool::new(1024, 2);
        assert!(pool.take(10).vec.capacity() < 1024);
        assert!(pool.take(5000).vec.capacity() >= 5000);
        assert_eq!(pool.idle(), 0);
    }

    #[test]
    fn no_more_than_the_limit_lie_idle() {
        let pool = BufferPool::new(1024, 2);
        let held: Vec<Bytes> = (0..5).map(|_| pool.take(1024).freeze()).collect();
        drop(held);
        assert_eq!(pool.idle(), 2);
    }
}
