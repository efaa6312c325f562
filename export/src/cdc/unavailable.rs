//! The text that stands for a value which PostgreSQL did not give (a large value that an update left alone, REPLICA
//! IDENTITY other than FULL). Debezium puts it in the form of the column's type.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// The text in all the forms it takes.
#[derive(Debug, Clone)]
pub(super) struct Placeholder {
    text: String,
    numbers: Vec<i64>,
}

impl Placeholder {
    pub(super) fn new(text: &str) -> Self {
        // Debezium fills arrays of numbers with the text's bytes, which Java has signed.
        let numbers = text.bytes().map(|byte| i64::from(byte.cast_signed())).collect();
        Self { text: text.to_owned(), numbers }
    }

    /// Whether a column of this type can hold it.
    pub(super) fn fits(&self, data_type: &DataType) -> bool {
        match data_type {
            DataType::Utf8 | DataType::Binary => true,
            DataType::List(element) => {
                matches!(element.data_type(), DataType::Utf8 | DataType::Int32 | DataType::Int64)
            }
            DataType::Map(..) => true,
            _ => false,
        }
    }

    /// Whether it stands in this row.
    pub(super) fn is_at(&self, array: &ArrayRef, row: usize) -> bool {
        if array.is_null(row) {
            return false;
        }
        match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().value(row) == self.text,
            DataType::Binary => array.as_binary::<i32>().value(row) == self.text.as_bytes(),
            DataType::List(_) => self.is_list(&array.as_list::<i32>().value(row)),
            DataType::Map(..) => {
                let keys = array.as_map().value(row);
                let keys = keys.column(0);
                keys.len() == 1 && keys.as_string_opt::<i32>().is_some_and(|keys| keys.value(0) == self.text)
            }
            _ => false,
        }
    }

    fn is_list(&self, elements: &ArrayRef) -> bool {
        if let Some(texts) = elements.as_string_opt::<i32>() {
            return texts.len() == 1 && texts.is_valid(0) && texts.value(0) == self.text;
        }
        if elements.len() != self.numbers.len() || elements.is_empty() || elements.null_count() > 0 {
            return false;
        }
        if let Some(values) = elements.as_primitive_opt::<Int32Type>() {
            return values.values().iter().zip(&self.numbers).all(|(a, b)| i64::from(*a) == *b);
        }
        elements.as_primitive_opt::<Int64Type>().is_some_and(|values| **values.values() == *self.numbers)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::{ListBuilder, StringBuilder};
    use arrow_array::{BinaryArray, Int64Array, ListArray, StringArray};

    use super::*;
    use crate::cdc::settings::PLACEHOLDER;

    #[test]
    fn it_is_found_in_texts_bytes_and_lists() {
        let it = Placeholder::new(PLACEHOLDER);
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some(PLACEHOLDER), Some("x"), None]));
        assert_eq!([0, 1, 2].map(|row| it.is_at(&texts, row)), [true, false, false]);
        let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![PLACEHOLDER.as_bytes(), b""]));
        assert_eq!([0, 1].map(|row| it.is_at(&bytes, row)), [true, false]);
        let mut list = ListBuilder::new(StringBuilder::new());
        list.append_value([Some(PLACEHOLDER)]);
        list.append_value([Some("a"), Some(PLACEHOLDER)]);
        let list: ArrayRef = Arc::new(list.finish());
        assert_eq!([0, 1].map(|row| it.is_at(&list, row)), [true, false]);
        let numbers: Vec<_> = PLACEHOLDER.bytes().map(|byte| Some(i64::from(byte))).collect();
        let longs: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(numbers)]));
        assert!(it.is_at(&longs, 0));
        let other: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        assert!(!it.is_at(&other, 0) && !it.fits(other.data_type()));
    }
}
