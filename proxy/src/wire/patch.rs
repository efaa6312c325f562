//! Changes to a frame that passes: in place where lengths stay, by cutting it into parts where they do not.

use bytes::Bytes;

use super::{At, Form, Frame, Out, Span, Value, WriteError};

/// A number that stands in a frame in as many bytes as it has.
pub trait Fixed: Copy {
    /// Its bytes at the front of eight, and how many they are.
    fn bytes(self) -> ([u8; 8], usize);
}

macro_rules! fixed {
    ($($number:ty)*) => {$(
        impl Fixed for $number {
            fn bytes(self) -> ([u8; 8], usize) {
                let mut bytes = [0; 8];
                let own = self.to_be_bytes();
                bytes[..own.len()].copy_from_slice(&own);
                (bytes, own.len())
            }
        }
    )*};
}

fixed!(i16 i32 i64);

#[derive(Debug, Clone, Copy)]
struct Patch {
    at: usize,
    bytes: [u8; 8],
    width: usize,
}

/// Numbers to be put into a frame that has been read; gathered first, because what was read borrows from it.
#[derive(Debug, Default)]
pub struct Patches {
    patches: Vec<Patch>,
}

impl Patches {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { patches: Vec::new() }
    }

    /// Puts `value` where `field` was read. A field that its version does not have has no place: nothing is done, and
    /// `false` says so.
    pub fn set<T: Fixed>(&mut self, field: &At<T>, value: T) -> bool {
        let Some(span) = field.span else { return false };
        let (bytes, width) = value.bytes();
        self.patches.push(Patch { at: span.start, bytes, width });
        true
    }

    /// Gives a tagged field with number 0 the number 127, which no message of Kafka has. The bit that says whether more
    /// of the number follows stays: 0 may have been said in a longer form.
    pub(super) fn hide_tag(&mut self, tag: &At<u32>) {
        let Some(span) = tag.span else { return };
        let low = if span.end - span.start > 1 { 0xff } else { 0x7f };
        self.patches.push(Patch { at: span.start, bytes: [low, 0, 0, 0, 0, 0, 0, 0], width: 1 });
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.patches.clear();
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }

    /// Changes the frame, its length cut off, from which the fields were read.
    pub fn apply(&self, frame: &mut [u8]) -> Result<(), WriteError> {
        let fits = |patch: &&Patch| patch.at.checked_add(patch.width).is_none_or(|end| end > frame.len());
        if let Some(outside) = self.patches.iter().find(fits) {
            return Err(WriteError::Place { at: outside.at });
        }
        for patch in &self.patches {
            frame[patch.at..patch.at + patch.width].copy_from_slice(&patch.bytes[..patch.width]);
        }
        Ok(())
    }
}

/// Other bytes in the place of some of a frame.
#[derive(Debug, Clone)]
pub struct Splice {
    /// What is replaced; an empty span is an insertion.
    pub span: Span,
    /// What stands there then.
    pub with: Vec<Bytes>,
}

/// A frame, its length cut off, with `splices` in it, in parts of its own bytes and theirs, its new length at the front.
pub fn splice(frame: &Bytes, mut splices: Vec<Splice>) -> Result<Frame, WriteError> {
    splices.sort_by_key(|splice| splice.span.start);
    let mut parts = vec![Bytes::new()];
    let mut at = 0;
    for Splice { span, with } in splices {
        if span.start < at || span.end < span.start || span.end > frame.len() {
            return Err(WriteError::Place { at: span.start });
        }
        parts.push(frame.slice(at..span.start));
        parts.extend(with);
        at = span.end;
    }
    parts.push(frame.slice(at..));
    let length = parts.iter().map(Bytes::len).sum::<usize>();
    let prefix = i32::try_from(length).map_err(|_| WriteError::Length { bytes: length })?;
    parts[0] = Bytes::copy_from_slice(&prefix.to_be_bytes());
    Ok(Frame::new(parts))
}

/// A value as bytes that can stand in a frame of this form.
pub fn fragment<'a, V: Value<'a>>(value: &V, form: Form) -> Result<Vec<Bytes>, WriteError> {
    let mut out = Out::new(form);
    value.write(&mut out);
    out.fragment()
}

/// A tagged field as bytes that can stand in a frame of this form, in the place of one with the same number.
pub fn tagged_fragment<'a, V: Value<'a>>(tag: u32, value: &V, form: Form) -> Result<Vec<Bytes>, WriteError> {
    let mut out = Out::new(form);
    out.tagged(tag, |out| value.write(out));
    out.fragment()
}
