//! Which values are there.

use arrow_buffer::{BooleanBufferBuilder, NullBuffer};

/// One bit a value. Nothing is kept for as long as none is missing.
#[derive(Debug, Default)]
pub(super) struct Valid {
    length: usize,
    bits: Option<BooleanBufferBuilder>,
}

impl Valid {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    #[inline]
    pub(super) fn push(&mut self, there: bool) {
        match &mut self.bits {
            Some(bits) => bits.append(there),
            None if there => {}
            None => {
                let mut bits = BooleanBufferBuilder::new(self.length + 64);
                bits.append_n(self.length, true);
                bits.append(false);
                self.bits = Some(bits);
            }
        }
        self.length += 1;
    }

    pub(super) fn truncate(&mut self, length: usize) {
        if length < self.length {
            self.length = length;
            if let Some(bits) = &mut self.bits {
                bits.truncate(length);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bits.as_ref().map_or(0, |bits| bits.capacity() / 8)
    }

    pub(super) fn finish(&mut self) -> Option<NullBuffer> {
        self.length = 0;
        let nulls = NullBuffer::new(self.bits.take()?.finish());
        (nulls.null_count() > 0).then_some(nulls)
    }
}
