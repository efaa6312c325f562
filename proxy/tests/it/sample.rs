//! Bytes of any message, made from its schema alone: neither our reader nor our writer has a part in them.

use firnline_proxy::wire::Form;
use firnline_proxy::wire::schema::{Field, Kind};

/// What a sample may contain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taste {
    /// Tagged fields that no schema knows.
    pub(crate) unknown_tags: bool,
}

/// A message of this kind and form, other for each seed.
pub(crate) fn sample(kind: Kind, form: Form, seed: u64, taste: Taste) -> Vec<u8> {
    let mut maker = Maker { state: seed | 1, out: Vec::new(), form, taste };
    maker.value(kind, false);
    maker.out
}

struct Maker {
    state: u64,
    out: Vec<u8>,
    form: Form,
    taste: Taste,
}

impl Maker {
    fn below(&mut self, bound: u64) -> u64 {
        // splitmix64
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
            value >>= 7;
        }
        self.out.push(u8::try_from(value).unwrap());
    }

    fn length(&mut self, length: Option<usize>, width: usize) {
        if self.form.flexible {
            return self.varint(length.map_or(0, |length| length + 1));
        }
        let value = length.map_or(-1, |length| i64::try_from(length).unwrap());
        self.out.extend_from_slice(&value.to_be_bytes()[8 - width..]);
    }

    fn value(&mut self, kind: Kind, null_allowed: bool) {
        let absent = null_allowed && self.below(4) == 0;
        match kind {
            Kind::Bool => {
                let bit = u8::try_from(self.below(2)).unwrap();
                self.out.push(bit);
            }
            Kind::Int { bytes } => {
                let value: i64 = match self.below(5) {
                    0 => -1,
                    1 => i64::MIN,
                    2 => i64::MAX,
                    _ => i64::try_from(self.below(1000)).unwrap(),
                };
                let value =
                    if bytes < 8 && value.unsigned_abs() > 1000 { value >> (64 - 8 * bytes) } else { value };
                self.out.extend_from_slice(&value.to_be_bytes()[8 - bytes..]);
            }
            Kind::Uuid => {
                for _ in 0..16 {
                    let byte = self.byte();
                    self.out.push(byte);
                }
            }
            Kind::Text if absent => self.length(None, 2),
            Kind::Text => {
                let length = match self.below(8) {
                    0 => 0,
                    1 => 200,
                    _ => usize::try_from(self.below(12)).unwrap(),
                };
                self.length(Some(length), 2);
                for _ in 0..length {
                    let letter = b'a' + u8::try_from(self.below(26)).unwrap();
                    self.out.push(letter);
                }
            }
            Kind::Bytes | Kind::Records | Kind::Array { .. } if absent => self.length(None, 4),
            Kind::Bytes | Kind::Records => {
                let length = usize::try_from(self.below(300)).unwrap();
                self.length(Some(length), 4);
                for _ in 0..length {
                    let byte = self.byte();
                    self.out.push(byte);
                }
            }
            Kind::Array { of } => {
                let count = usize::try_from(self.below(4)).unwrap();
                self.length(Some(count), 4);
                for _ in 0..count {
                    self.value(*of, false);
                }
            }
            Kind::Struct { fields } => self.fields(fields),
            Kind::Nullable { of: Kind::Struct { fields } } => {
                if absent {
                    return self.out.push(0xff);
                }
                self.out.push(1);
                self.fields(fields);
            }
            Kind::Nullable { of } => self.value(*of, null_allowed),
        }
    }

    fn fields(&mut self, fields: &'static [Field]) {
        let version = self.form.version;
        let here = || fields.iter().filter(move |field| field.versions.has(version));
        for field in here().filter(|field| field.tag.is_none()) {
            self.value(field.kind, field.null.has(version));
        }
        if !self.form.flexible {
            return;
        }
        let mut tags = Vec::new();
        for field in here().filter(|field| field.tag.is_some()) {
            if self.below(2) == 0 {
                let bytes = self.apart(|maker| maker.value(field.kind, false));
                tags.push((field.tag.unwrap(), bytes));
            }
        }
        if self.taste.unknown_tags && self.below(3) == 0 {
            tags.push((60, vec![1, 2, 3]));
            tags.push((300, Vec::new()));
        }
        self.varint(tags.len());
        for (tag, bytes) in tags {
            self.varint(usize::try_from(tag).unwrap());
            self.varint(bytes.len());
            self.out.extend_from_slice(&bytes);
        }
    }

    fn apart(&mut self, make: impl FnOnce(&mut Self)) -> Vec<u8> {
        let before = std::mem::take(&mut self.out);
        make(self);
        std::mem::replace(&mut self.out, before)
    }
}
