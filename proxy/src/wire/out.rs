//! Writes messages: small things into one buffer, large ones shared.

use bytes::{Bytes, BytesMut};

use super::{Form, Frame, WriteError};

/// From here on bytes are shared and written from where they are; a smaller piece costs less to copy than to list.
const SHARE_FROM: usize = 1024;

/// The length before each frame.
const PREFIX: usize = 4;

/// A message being written. What cannot be said is kept as the first error and told at the end.
#[derive(Debug)]
pub struct Out {
    /// The piece that begins with the frame's length, once it is complete.
    first: Option<BytesMut>,
    parts: Vec<Bytes>,
    piece: BytesMut,
    form: Form,
    failed: Option<WriteError>,
}

impl Out {
    /// An empty frame.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self { first: None, parts: Vec::new(), piece: BytesMut::from(&[0; PREFIX][..]), form, failed: None }
    }

    /// The form in which values are written from here on.
    pub const fn set_form(&mut self, form: Form) {
        self.form = form;
    }

    /// The form.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Writes bytes by copying them.
    pub fn put(&mut self, bytes: &[u8]) {
        self.piece.extend_from_slice(bytes);
    }

    /// Writes bytes by sharing them, where they are many.
    pub fn share(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARE_FROM {
            return self.put(bytes);
        }
        self.close_piece();
        self.parts.push(bytes.clone());
    }

    fn close_piece(&mut self) {
        let piece = self.piece.split();
        if self.first.is_none() {
            self.first = Some(piece);
        } else if !piece.is_empty() {
            self.parts.push(piece.freeze());
        }
    }

    /// Writes an unsigned number, seven bits a byte.
    pub fn varint(&mut self, mut value: u32) {
        loop {
            let [low, ..] = value.to_le_bytes();
            value >>= 7;
            if value == 0 {
                return self.put(&[low & 0x7f]);
            }
            self.put(&[low | 0x80]);
        }
    }

    /// Writes the length before a text.
    pub fn text_length(&mut self, length: Option<usize>) {
        if self.form.flexible {
            return self.compact_length(length);
        }
        match length.map_or(Ok(-1), i16::try_from) {
            Ok(length) => self.put(&length.to_be_bytes()),
            Err(_) => self.too_long(length),
        }
    }

    /// Writes the length before bytes, records or elements.
    pub fn length(&mut self, length: Option<usize>) {
        if self.form.flexible {
            return self.compact_length(length);
        }
        match length.map_or(Ok(-1), i32::try_from) {
            Ok(length) => self.put(&length.to_be_bytes()),
            Err(_) => self.too_long(length),
        }
    }

    fn compact_length(&mut self, length: Option<usize>) {
        // Kafka reads compact lengths into 31 bits.
        match length.map_or(Ok(0), |length| i32::try_from(length.saturating_add(1))) {
            Ok(value) => self.varint(value.unsigned_abs()),
            Err(_) => self.too_long(length),
        }
    }

    fn too_long(&mut self, length: Option<usize>) {
        self.fail(WriteError::Length { bytes: length.unwrap_or_default() });
    }

    /// Writes a tagged field: its number, its size, what `value` writes.
    pub fn tagged(&mut self, tag: u32, value: impl FnOnce(&mut Self)) {
        let mut apart = Self { piece: BytesMut::new(), ..Self::new(self.form) };
        value(&mut apart);
        apart.close_piece();
        let pieces =
            || apart.first.iter().map(|piece| &piece[..]).chain(apart.parts.iter().map(|part| &part[..]));
        let size = pieces().map(<[u8]>::len).sum::<usize>();
        self.varint(tag);
        match u32::try_from(size) {
            Ok(size) => self.varint(size),
            Err(_) => self.too_long(Some(size)),
        }
        for piece in pieces() {
            self.put(piece);
        }
        if let Some(error) = apart.failed {
            self.fail(error);
        }
    }

    /// Remembers that the message cannot be said.
    pub fn fail(&mut self, error: WriteError) {
        self.failed.get_or_insert(error);
    }

    /// The frame, its length at its front.
    pub fn finish(mut self) -> Result<Frame, WriteError> {
        self.close_piece();
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut first = self.first.unwrap_or_default();
        let rest: usize = self.parts.iter().map(Bytes::len).sum();
        let length = first.len().saturating_sub(PREFIX) + rest;
        let prefix = i32::try_from(length).map_err(|_| WriteError::Length { bytes: length })?;
        if let Some(place) = first.first_chunk_mut() {
            *place = prefix.to_be_bytes();
        }
        Ok(Frame::new(std::iter::once(first.freeze()).chain(self.parts)))
    }

    /// What was written, without a length: a piece that goes into a frame of another.
    pub fn fragment(mut self) -> Result<Vec<Bytes>, WriteError> {
        self.close_piece();
        if let Some(error) = self.failed {
            return Err(error);
        }
        let first = self.first.unwrap_or_default().freeze();
        let first = first.slice(PREFIX.min(first.len())..);
        Ok(std::iter::once(first).filter(|first| !first.is_empty()).chain(self.parts).collect())
    }
}
