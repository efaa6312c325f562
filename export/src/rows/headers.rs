//! The column of headers: a list of names and bytes.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use firnline_records::Header;

/// Headers of records, row by row. A record without headers has an empty list.
#[derive(Debug, Default)]
pub(super) struct HeaderColumn {
    names: StringBuilder,
    values: BinaryBuilder,
    lengths: Vec<usize>,
}

impl HeaderColumn {
    pub(super) fn data_type() -> DataType {
        DataType::List(Self::element())
    }

    fn fields() -> Fields {
        vec![Field::new("key", DataType::Utf8, true), Field::new("value", DataType::Binary, true)].into()
    }

    fn element() -> FieldRef {
        Arc::new(Field::new("element", DataType::Struct(Self::fields()), true))
    }

    /// Adds a record's headers; tells what they take. Bytes in names that are no UTF-8 become U+FFFD.
    pub(super) fn push(&mut self, headers: &[Header]) -> usize {
        let mut bytes = 4;
        for (name, value) in headers {
            self.names.append_value(String::from_utf8_lossy(name));
            self.values.append_option(value.as_ref());
            bytes += 8 + name.len() + value.as_ref().map_or(0, bytes::Bytes::len);
        }
        self.lengths.push(headers.len());
        bytes
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let columns: Vec<ArrayRef> = vec![Arc::new(self.names.finish()), Arc::new(self.values.finish())];
        let entries = StructArray::new(Self::fields(), columns, None);
        let offsets = OffsetBuffer::from_lengths(std::mem::take(&mut self.lengths));
        Arc::new(ListArray::new(Self::element(), offsets, Arc::new(entries), None))
    }
}
