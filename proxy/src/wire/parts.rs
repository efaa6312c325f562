//! A frame of several parts, written without bringing them together.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Bytes in order, each part where it was made. As a [`Buf`] it offers all its parts to one vectored write.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    parts: VecDeque<Bytes>,
    left: usize,
}

impl Frame {
    /// The parts in order; empty ones are left out.
    pub fn new(parts: impl IntoIterator<Item = Bytes>) -> Self {
        let parts: VecDeque<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let left = parts.iter().map(Bytes::len).sum();
        Self { parts, left }
    }

    /// The parts that are left.
    pub fn parts(&self) -> impl Iterator<Item = &Bytes> {
        self.parts.iter()
    }

    /// All of it in one piece, copied where it is not one already.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        match self.parts.len() {
            0 | 1 => self.parts.pop_front().unwrap_or_default(),
            _ => {
                let mut whole = BytesMut::with_capacity(self.left);
                for part in &self.parts {
                    whole.extend_from_slice(part);
                }
                whole.freeze()
            }
        }
    }
}

impl Buf for Frame {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.parts.front().map_or(&[], |part| part)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, part) in slices.iter_mut().zip(&self.parts) {
            *slice = IoSlice::new(part);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut bytes: usize) {
        assert!(bytes <= self.left, "advanced past the end of a frame");
        self.left -= bytes;
        while bytes > 0 {
            let Some(part) = self.parts.front_mut() else { return };
            let step = bytes.min(part.len());
            part.advance(step);
            bytes -= step;
            if part.is_empty() {
                self.parts.pop_front();
            }
        }
    }
}
