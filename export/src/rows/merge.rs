//! Whether values of a writer's type have a place in a column, and if not, whether the column can be widened for them.
//!
//! A column only ever becomes wider, by what Iceberg can do without rewriting a file: `int` to `long`, `float` to `double`, a
//! decimal to more digits before the point, and one more optional field in a struct, on any level.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields};

/// What a column is for a writer's values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Merged {
    /// They fit as it is.
    Fits,
    /// They fit once it has this type.
    Wider(DataType),
    /// They need another column.
    Apart,
}

/// Holds a column's type against a writer's.
pub(super) fn merge(column: &DataType, writer: &DataType) -> Merged {
    use DataType as T;
    match (column, writer) {
        (T::Struct(ours), T::Struct(theirs)) => of_struct(ours, theirs),
        (T::List(ours), T::List(theirs)) => match merge(ours.data_type(), theirs.data_type()) {
            Merged::Wider(wider) => Merged::Wider(T::List(retyped(ours, wider))),
            other => other,
        },
        (T::Map(ours, sorted), T::Map(theirs, _)) => of_map(ours, theirs, *sorted),
        (T::Int32, T::Int64) | (T::Float32, T::Float64) => Merged::Wider(writer.clone()),
        (T::Int64, T::Int32) | (T::Float64, T::Float32 | T::Int32) => Merged::Fits,
        (T::Decimal128(digits, scale), T::Decimal128(wanted, same)) if scale == same => {
            if wanted > digits {
                Merged::Wider(writer.clone())
            } else {
                Merged::Fits
            }
        }
        (ours, theirs) if ours == theirs => Merged::Fits,
        _ => Merged::Apart,
    }
}

fn of_struct(ours: &Fields, theirs: &Fields) -> Merged {
    let mut merged: Vec<FieldRef> = ours.iter().cloned().collect();
    let mut changed = false;
    for field in theirs {
        let name = field.name().to_lowercase();
        match merged.iter_mut().find(|known| known.name().to_lowercase() == name) {
            None => {
                let new = Field::new(name, field.data_type().clone(), true);
                merged.push(Arc::new(new.with_metadata(field.metadata().clone())));
                changed = true;
            }
            Some(known) => match merge(known.data_type(), field.data_type()) {
                Merged::Fits => {}
                Merged::Wider(wider) => {
                    *known = retyped(known, wider);
                    changed = true;
                }
                Merged::Apart => return Merged::Apart,
            },
        }
    }
    if changed { Merged::Wider(DataType::Struct(merged.into())) } else { Merged::Fits }
}

fn of_map(ours: &FieldRef, theirs: &FieldRef, sorted: bool) -> Merged {
    let (DataType::Struct(entry), DataType::Struct(other)) = (ours.data_type(), theirs.data_type()) else {
        return Merged::Apart;
    };
    let ([key, value], [their_key, their_value]) = (&entry[..], &other[..]) else { return Merged::Apart };
    if merge(key.data_type(), their_key.data_type()) != Merged::Fits {
        return Merged::Apart;
    }
    match merge(value.data_type(), their_value.data_type()) {
        Merged::Wider(wider) => {
            let entry = DataType::Struct(vec![Arc::clone(key), retyped(value, wider)].into());
            Merged::Wider(DataType::Map(retyped(ours, entry), sorted))
        }
        other => other,
    }
}

fn retyped(field: &FieldRef, to: DataType) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(to))
}

/// Whether two types are the same but for what is noted beside them, field ids above all.
pub(super) fn same(one: &DataType, other: &DataType) -> bool {
    use DataType as T;
    let same_fields = |one: &Fields, other: &Fields| {
        one.len() == other.len()
            && one
                .iter()
                .zip(other)
                .all(|(one, other)| one.name() == other.name() && same(one.data_type(), other.data_type()))
    };
    match (one, other) {
        (T::Struct(one), T::Struct(other)) => same_fields(one, other),
        (T::List(one), T::List(other)) | (T::Map(one, _), T::Map(other, _)) => {
            same(one.data_type(), other.data_type())
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, of: DataType) -> FieldRef {
        Arc::new(Field::new(name, of, true))
    }

    fn structure(fields: &[(&str, DataType)]) -> DataType {
        DataType::Struct(fields.iter().map(|(name, of)| field(name, of.clone())).collect())
    }

    #[test]
    fn columns_widen_by_what_needs_no_rewrite() {
        use DataType as T;
        assert_eq!(merge(&T::Int32, &T::Int64), Merged::Wider(T::Int64));
        assert_eq!(merge(&T::Int64, &T::Int32), Merged::Fits);
        assert_eq!(merge(&T::Float32, &T::Float64), Merged::Wider(T::Float64));
        assert_eq!(merge(&T::Int32, &T::Float64), Merged::Apart, "Iceberg has no way from int to double");
        assert_eq!(merge(&T::Float64, &T::Int32), Merged::Fits);
        assert_eq!(merge(&T::Float64, &T::Int64), Merged::Apart, "not every long is a double");
        assert_eq!(merge(&T::Utf8, &T::Int32), Merged::Apart);
        let decimal = T::Decimal128;
        assert_eq!(merge(&decimal(9, 2), &decimal(18, 2)), Merged::Wider(decimal(18, 2)));
        assert_eq!(merge(&decimal(18, 2), &decimal(9, 2)), Merged::Fits);
        assert_eq!(merge(&decimal(18, 2), &decimal(18, 3)), Merged::Apart);
    }

    #[test]
    fn structs_grow_on_every_level_and_keep_what_they_have() {
        use DataType as T;
        let inner = |fields: &[(&str, DataType)]| T::List(field("element", structure(fields)));
        let ours = inner(&[("a", T::Int32), ("gone", T::Utf8)]);
        let theirs = inner(&[("A", T::Int64), ("New", T::Utf8)]);
        let wider = inner(&[("a", T::Int64), ("gone", T::Utf8), ("new", T::Utf8)]);
        assert_eq!(merge(&ours, &theirs), Merged::Wider(wider.clone()));
        assert_eq!(merge(&wider, &theirs), Merged::Fits);
        assert_eq!(merge(&wider, &inner(&[("a", T::Utf8)])), Merged::Apart);
    }
}
