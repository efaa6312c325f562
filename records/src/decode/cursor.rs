//! A position in the bytes of one record. Short input is an error that says what was being read.

use bytes::Bytes;

use crate::{Problem, varint};

pub(super) struct Cursor {
    bytes: Bytes,
    at: usize,
}

impl Cursor {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn take(&mut self, length: usize, what: &'static str) -> Result<Bytes, Problem> {
        if length > self.remaining() {
            return Err(Problem::Truncated { what, missing: (length - self.remaining()) as u64 });
        }
        let taken = self.bytes.slice(self.at..self.at + length);
        self.at += length;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Problem> {
        let rest = &self.bytes[self.at..];
        let Some(array) = rest.first_chunk::<N>() else {
            return Err(Problem::Truncated { what, missing: (N - rest.len()) as u64 });
        };
        self.at += N;
        Ok(*array)
    }

    pub(super) fn varint(&mut self, what: &'static str) -> Result<i64, Problem> {
        match varint::read(&self.bytes[self.at..]) {
            Ok(Some((value, length))) => {
                self.at += length;
                Ok(value)
            }
            Ok(None) => Err(Problem::Truncated { what, missing: 1 }),
            Err(varint::TooLong) => Err(Problem::Varint { what }),
        }
    }

    /// Bytes with their length before them as a number of variable length; −1 is null.
    pub(super) fn nullable(&mut self, what: &'static str) -> Result<Option<Bytes>, Problem> {
        let length = self.varint(what)?;
        self.sized(length, what)
    }

    /// The next `length` bytes; −1 is null.
    pub(super) fn sized(&mut self, length: i64, what: &'static str) -> Result<Option<Bytes>, Problem> {
        if length == -1 {
            return Ok(None);
        }
        let fits = usize::try_from(length).ok().filter(|&length| length <= self.remaining());
        match fits {
            Some(length) => self.take(length, what).map(Some),
            None => Err(Problem::Length { what, value: length, remaining: self.remaining() as u64 }),
        }
    }
}
