//! One column out of several, row by row.

use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_schema::{ArrowError, DataType};
use arrow_select::interleave::interleave;

/// For each row, which of `sources` it is taken from and where; `None` is null. The sources must be of type `data_type`.
pub(super) fn pick(
    sources: &[&ArrayRef],
    data_type: &DataType,
    rows: impl Iterator<Item = Option<(usize, usize)>>,
) -> Result<ArrayRef, ArrowError> {
    let null = new_null_array(data_type, 1);
    let nothing = (sources.len(), 0);
    let places: Vec<_> = rows.map(|place| place.unwrap_or(nothing)).collect();
    let mut all: Vec<&dyn Array> = sources.iter().map(|array| array.as_ref()).collect();
    all.push(&null);
    interleave(&all, &places)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int32Array, cast::AsArray as _, types::Int32Type};

    use super::*;

    #[test]
    fn each_row_comes_from_its_place() {
        let a: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
        let b: ArrayRef = Arc::new(Int32Array::from(vec![3, 4]));
        let rows = [Some((1, 1)), None, Some((0, 0))];
        let picked = pick(&[&a, &b], &DataType::Int32, rows.into_iter()).unwrap();
        assert_eq!(picked.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(4), None, Some(1)]);
        assert_eq!(pick(&[], &DataType::Int32, [None, None].into_iter()).unwrap().null_count(), 2);
    }
}
