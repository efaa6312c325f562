use super::text::{civil, to_text, unhex};
use super::*;
use proptest::prelude::*;

fn typed() -> impl Strategy<Value = (PrimitiveType, Literal)> {
    prop_oneof![
        any::<bool>().prop_map(|v| (PrimitiveType::Boolean, Literal::Boolean(v))),
        any::<i32>().prop_map(|v| (PrimitiveType::Int, Literal::Int(v))),
        any::<i64>().prop_map(|v| (PrimitiveType::TimestampTz, Literal::Long(v))),
        any::<u32>().prop_map(|v| (PrimitiveType::Float, Literal::Float(f32::from_bits(v)))),
        any::<u64>().prop_map(|v| (PrimitiveType::Double, Literal::Double(f64::from_bits(v)))),
        any::<i128>().prop_map(|v| (PrimitiveType::Decimal { precision: 38, scale: 3 }, Literal::Decimal(v))),
        ".{0,9}".prop_map(|v| (PrimitiveType::String, Literal::String(v))),
        any::<[u8; 16]>().prop_map(|v| (PrimitiveType::Uuid, Literal::Uuid(v))),
        any::<[u8; 5]>().prop_map(|v| (PrimitiveType::Fixed(5), Literal::Fixed(v.to_vec()))),
        proptest::collection::vec(any::<u8>(), 0..9)
            .prop_map(|v| (PrimitiveType::Binary, Literal::Binary(v))),
    ]
}

proptest! {
    #[test]
    fn values_survive_their_bytes_and_being_passed_on((value_type, value) in typed()) {
        prop_assert!(value.fits(&value_type));
        prop_assert_eq!(&Literal::from_bytes(&value_type, &value.to_bytes()).unwrap(), &value);
        let passed = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(serde_json::from_str::<Literal>(&passed).unwrap(), value);
    }

    #[test]
    fn bytes_of_any_kind_are_a_value_or_an_error((value_type, _) in typed(), bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        if let Ok(value) = Literal::from_bytes(&value_type, &bytes) {
            prop_assert!(value.fits(&value_type));
            let _ = to_text(&value, &value_type);
        }
    }

    #[test]
    fn decimals_have_no_byte_too_many(value in any::<i64>()) {
        let bytes = Literal::Decimal(value.into()).to_bytes();
        if bytes.len() > 1 {
            prop_assert!(decimal(&bytes[1..]) != Some(value.into()));
        }
    }
}

#[test]
fn decimals_are_as_the_specification_has_them() {
    for (value, bytes) in [
        (0, &[0][..]),
        (127, &[0x7f]),
        (128, &[0, 0x80]),
        (-1, &[0xff]),
        (-128, &[0x80]),
        (-129, &[0xff, 0x7f]),
    ] {
        assert_eq!(Literal::Decimal(value).to_bytes(), bytes, "{value}");
    }
    assert_eq!(decimal(&[0xff; 20]), Some(-1));
    assert_eq!(decimal(&[1; 17]), None);
    assert_eq!(decimal(&[]), None);
}

#[test]
fn bounds_from_before_a_column_was_widened_are_read() {
    assert_eq!(Literal::from_bytes(&PrimitiveType::Long, &(-7_i32).to_le_bytes()), Ok(Literal::Long(-7)));
    assert_eq!(Literal::from_bytes(&PrimitiveType::Double, &1.5_f32.to_le_bytes()), Ok(Literal::Double(1.5)));
}

#[test]
fn text_is_as_other_engines_name_directories() {
    use PrimitiveType as T;
    for (value, value_type, text) in [
        (Literal::Int(19_782), T::Date, "2024-02-29"),
        (Literal::Int(-1), T::Date, "1969-12-31"),
        (Literal::Long(-1), T::TimestampTz, "1969-12-31T23:59:59.999999+00:00"),
        (Literal::Long(1_709_210_096_123_456), T::Timestamp, "2024-02-29T12:34:56.123456"),
        (Literal::Long(81_068_123_456), T::Time, "22:31:08.123456"),
        (Literal::Decimal(-5), T::Decimal { precision: 4, scale: 2 }, "-0.05"),
        (Literal::Decimal(1420), T::Decimal { precision: 4, scale: 2 }, "14.20"),
        (Literal::Binary(vec![0, 0xab]), T::Binary, "00ab"),
    ] {
        assert_eq!(to_text(&value, &value_type), text);
    }
}

#[test]
fn the_calendar_agrees_with_itself_over_four_centuries() {
    let (mut year, mut month, mut day) = (1_799, 12, 31);
    for days in -62_091..84_006 {
        let length = match month {
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (year, month, day) = match (month, day) {
            (12, 31) => (year + 1, 1, 1),
            (_, last) if last == length => (year, month + 1, 1),
            _ => (year, month, day + 1),
        };
        let (y, m, d) = civil(days);
        assert_eq!((y, m, d), (year, month, day), "{days}");
    }
}

#[test]
fn hexadecimal_text_is_checked() {
    assert_eq!(unhex("00aB"), Some(vec![0, 0xab]));
    assert_eq!((unhex("0"), unhex("zz"), unhex("é")), (None, None, None));
}
