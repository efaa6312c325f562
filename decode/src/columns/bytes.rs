//! Columns of texts and bytes.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, FixedSizeBinaryArray, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::valid::Valid;

/// The most bytes of a column: Arrow's offsets have 32 bits. A batch is cut long before.
const BYTES_MAX: usize = i32::MAX as usize;

/// A column of texts, or of bytes of any length.
#[derive(Debug)]
pub struct TextColumn {
    bytes: Vec<u8>,
    /// Where each value ends.
    ends: Vec<i32>,
    valid: Valid,
    is_text: bool,
}

impl TextColumn {
    pub(super) fn new(is_text: bool) -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), valid: Valid::default(), is_text }
    }

    /// Adds a value: of a text its bytes, which the caller has found to be UTF-8.
    ///
    /// A value by which the column would pass 2 GiB is taken as none, which [`super::RowBuilder::end_row`] tells as an error.
    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        let end = self.bytes.len() + value.len();
        match i32::try_from(end) {
            Ok(end) => {
                self.bytes.extend_from_slice(value);
                self.ends.push(end);
                self.valid.push(true);
            }
            // One value less than its neighbours have: the row cannot end.
            Err(_) => debug_assert!(end > BYTES_MAX),
        }
    }

    /// Adds none.
    #[inline]
    pub fn push_null(&mut self) {
        self.ends.push(self.ends.last().copied().unwrap_or(0));
        self.valid.push(false);
    }

    /// How many there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.valid.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a value; none where it is not there.
    #[must_use]
    pub fn value(&self, index: usize) -> &[u8] {
        let at = |index: usize| self.ends.get(index).and_then(|end| usize::try_from(*end).ok());
        let start = index.checked_sub(1).and_then(at).unwrap_or(0);
        at(index).and_then(|end| self.bytes.get(start..end)).unwrap_or_default()
    }

    /// Bytes of all values.
    #[must_use]
    pub fn value_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        if length < self.ends.len() {
            self.ends.truncate(length);
            let end = self.ends.last().copied().unwrap_or(0);
            self.bytes.truncate(usize::try_from(end).unwrap_or(0));
        }
        self.valid.truncate(length);
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<i32>() + self.valid.bytes()
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let ends = std::mem::take(&mut self.ends);
        let mut offsets = Vec::with_capacity(ends.len() + 1);
        offsets.push(0);
        offsets.extend(ends);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let (bytes, nulls) = (Buffer::from_vec(std::mem::take(&mut self.bytes)), self.valid.finish());
        let binary = BinaryArray::new(offsets, bytes, nulls);
        if !self.is_text {
            return Arc::new(binary);
        }
        match StringArray::try_from_binary(binary) {
            Ok(texts) => Arc::new(texts),
            Err(error) => unreachable!("each text was found to be UTF-8 when it came: {error}"),
        }
    }
}

/// A column of bytes of one length.
#[derive(Debug)]
pub struct FixedColumn {
    bytes: Vec<u8>,
    size: i32,
    valid: Valid,
}

impl FixedColumn {
    pub(super) fn new(size: i32) -> Self {
        Self { bytes: Vec::new(), size, valid: Valid::default() }
    }

    /// How many bytes each value has.
    #[must_use]
    pub fn size(&self) -> usize {
        usize::try_from(self.size).unwrap_or(0)
    }

    /// Adds a value. One of another length is taken as none, which [`super::RowBuilder::end_row`] tells as an error.
    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        if value.len() == self.size() {
            self.bytes.extend_from_slice(value);
            self.valid.push(true);
        }
    }

    /// Adds none.
    #[inline]
    pub fn push_null(&mut self) {
        self.bytes.resize(self.bytes.len() + self.size(), 0);
        self.valid.push(false);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.valid.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length.saturating_mul(self.size()));
        self.valid.truncate(length);
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.valid.bytes()
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let bytes = Buffer::from_vec(std::mem::take(&mut self.bytes));
        Arc::new(FixedSizeBinaryArray::new(self.size, bytes, self.valid.finish()))
    }
}
