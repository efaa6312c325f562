//! Values into bytes. Who calls it knows the schema.

/// Bytes of values, one behind the other.
#[derive(Debug, Default)]
pub(in crate::manifest) struct Encoder(Vec<u8>);

impl Encoder {
    pub(in crate::manifest) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(in crate::manifest) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(in crate::manifest) fn clear(&mut self) {
        self.0.clear();
    }

    pub(in crate::manifest) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(in crate::manifest) fn boolean(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    pub(in crate::manifest) fn long(&mut self, value: i64) {
        let mut left = (value << 1 ^ value >> 63).cast_unsigned();
        loop {
            let [low, ..] = left.to_le_bytes();
            left >>= 7;
            if left == 0 {
                self.0.push(low & 0x7f);
                return;
            }
            self.0.push(low | 0x80);
        }
    }

    pub(in crate::manifest) fn int(&mut self, value: i32) {
        self.long(value.into());
    }

    pub(in crate::manifest) fn bytes(&mut self, bytes: &[u8]) {
        // No buffer is longer than i64::MAX.
        self.long(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        self.raw(bytes);
    }

    pub(in crate::manifest) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A value that may be null: a union of null and its type.
    pub(in crate::manifest) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.long(0),
            Some(value) => {
                self.long(1);
                write(self, value);
            }
        }
    }

    /// So many values, which `write` writes; also the pairs of a map.
    pub(in crate::manifest) fn array(&mut self, count: usize, write: impl FnOnce(&mut Self)) {
        if count > 0 {
            self.long(i64::try_from(count).unwrap_or(i64::MAX));
            write(self);
        }
        self.long(0);
    }
}
