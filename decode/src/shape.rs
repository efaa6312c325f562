//! Which types fit into which.

use arrow_schema::DataType;

/// Whether every value of one type has its place in a column of another, unchanged: the same type, or a wider number. Structs
/// fit whatever their fields are called as long as those that both have do; what one lacks is null.
#[must_use]
pub fn fits(from: &DataType, into: &DataType) -> bool {
    match (from, into) {
        (DataType::Int32, DataType::Int32 | DataType::Int64 | DataType::Float64)
        | (DataType::Float32, DataType::Float32 | DataType::Float64) => true,
        (DataType::Decimal128(from, scale), DataType::Decimal128(into, of)) => scale == of && from <= into,
        (DataType::Timestamp(from, of), DataType::Timestamp(into, to)) => {
            from == into && of.is_some() == to.is_some()
        }
        (DataType::List(from), DataType::List(into)) => fits(from.data_type(), into.data_type()),
        (DataType::Map(from, _), DataType::Map(into, _)) => match (from.data_type(), into.data_type()) {
            (DataType::Struct(from), DataType::Struct(into)) => {
                from.len() == into.len()
                    && from.iter().zip(into).all(|(from, into)| fits(from.data_type(), into.data_type()))
            }
            _ => false,
        },
        (DataType::Struct(from), DataType::Struct(into)) => from.iter().all(|field| {
            let name = field.name().to_lowercase();
            let beside = into.iter().find(|other| other.name().to_lowercase() == name);
            beside.is_none_or(|other| fits(field.data_type(), other.data_type()))
        }),
        (from, into) => from == into,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{Field, TimeUnit};

    #[test]
    fn only_what_loses_nothing_fits() {
        use DataType::{Binary, Date32, Decimal128, Float32, Float64, Int32, Int64, Utf8};
        for (from, into, does) in [
            (Int32, Int64, true),
            (Int64, Int32, false),
            (Int32, Float64, true),
            (Int64, Float64, false),
            (Int32, Float32, false),
            (Float32, Float64, true),
            (Float64, Float32, false),
            (Decimal128(9, 2), Decimal128(12, 2), true),
            (Decimal128(9, 2), Decimal128(12, 3), false),
            (Utf8, Binary, false),
            (Date32, Date32, true),
            (
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
                DataType::Timestamp(TimeUnit::Microsecond, None),
                false,
            ),
        ] {
            assert_eq!(fits(&from, &into), does, "{from} into {into}");
        }
    }

    #[test]
    fn structs_fit_by_the_fields_that_both_have() {
        let of = |fields: &[(&str, DataType)]| {
            let fields = fields.iter().map(|(name, of)| Field::new(*name, of.clone(), true));
            DataType::Struct(fields.collect())
        };
        let narrow = of(&[("A", DataType::Int32), ("c", DataType::Utf8)]);
        let wide = of(&[("a", DataType::Int64), ("b", DataType::Utf8)]);
        assert!(fits(&narrow, &wide));
        assert!(!fits(&wide, &narrow));
    }
}
