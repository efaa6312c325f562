//! Values of one column: numbers with their ranges, texts that are something else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error;

use super::compile::Node;
use super::read::State;
use super::time;
use crate::columns::Column;
use crate::error::{DecodeError, Reason};
use crate::fault::Fault;
use crate::sink;

/// Up to here each whole number is a float, and each float whose fraction is 0 that very number.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// The same as a whole number.
const EXACT_WHOLE: u64 = 1 << 53;
/// How deep values may lie in a value that is kept as JSON: what reads it again should not have to be brave.
const DEPTH_MAX: usize = 64;

fn planned<E: Error>(pushed: Result<(), Fault>) -> Result<(), E> {
    pushed.map_err(|fault| E::custom(DecodeError::from(fault)))
}

pub(super) fn out_of_range<E: Error>(state: &State) -> E {
    state.fail(Reason::NumberOutOfRange, "a number is larger than its column takes")
}

pub(super) fn integer<E: Error>(value: i64, column: &mut Column, state: &State) -> Result<(), E> {
    match column {
        Column::Int32(column) => match i32::try_from(value) {
            Ok(value) => column.push(value),
            Err(_) => return Err(out_of_range(state)),
        },
        #[expect(clippy::cast_precision_loss, reason = "it is exact")]
        Column::Float64(column) if value.unsigned_abs() <= EXACT_WHOLE => column.push(value as f64),
        Column::Float64(_) => return Err(out_of_range(state)),
        column => return planned(sink::long(column, value)),
    }
    Ok(())
}

/// A number that was written with a point or an exponent, or is too long for 64 bits.
pub(super) fn whole<E: Error>(value: f64, column: &mut Column, state: &State) -> Result<(), E> {
    if value.fract() != 0.0 {
        return Err(
            state.fail(Reason::NotAnInteger, "a number with a fraction stands where a whole one is wanted")
        );
    }
    if value.abs() > EXACT {
        let message = "a whole number with a point or an exponent is larger than those that are certain";
        return Err(state.fail(Reason::NumberOutOfRange, message));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within 2^53")]
    integer(value as i64, column, state)
}

pub(super) fn float<E: Error>(value: f64, column: &mut Column, state: &State) -> Result<(), E> {
    match column {
        Column::Float32(column) => {
            #[expect(clippy::cast_possible_truncation, reason = "single precision is what the schema says")]
            let narrow = value as f32;
            if narrow.is_infinite() {
                return Err(out_of_range(state));
            }
            column.push(narrow);
            Ok(())
        }
        column => planned(sink::double(column, value)),
    }
}

/// A value by its text as it was written.
pub(super) fn raw<E: Error>(text: &str, node: &Node, column: &mut Column, state: &State) -> Result<(), E> {
    if text == "null" {
        column.push_null();
        return Ok(());
    }
    let Node::Decimal { precision, scale } = node else {
        if is_deeper(text, DEPTH_MAX) {
            return Err(state.fail(Reason::TooDeep, format!("values lie more than {DEPTH_MAX} deep in it")));
        }
        return planned(sink::text(column, text));
    };
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    match unscaled(digits, *precision, *scale) {
        Ok(value) => planned(sink::decimal(column, value)),
        Err(reason) => {
            let message = format!("it is no decimal of {precision} digits, {scale} of them behind the point");
            Err(state.fail(reason, message))
        }
    }
}

/// A decimal's digits as one whole number. Digits behind the last place are taken only where they are 0.
fn unscaled(text: &str, precision: u8, scale: i8) -> Result<i128, Reason> {
    let (negative, text) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        _ => (false, text),
    };
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => {
            // One that has only digits and is no number is larger than any that matters.
            let sign = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let beyond = !sign.is_empty() && sign.bytes().all(|digit| digit.is_ascii_digit());
            let none = if beyond { Reason::NumberOutOfRange } else { Reason::WrongType };
            (digits, exponent.parse::<i32>().map_err(|_| none)?)
        }
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|digit| digit.is_ascii_digit()) {
        return Err(Reason::WrongType);
    }
    let fraction_digits = i32::try_from(fraction.len()).map_err(|_| Reason::TooLarge)?;
    // How many zeros are to be added behind the last digit; below 0 as many are to be taken away.
    let shift = i32::from(scale).saturating_add(exponent).saturating_sub(fraction_digits);
    let mut value: i128 = 0;
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0').collect();
    let drop = usize::try_from(shift.saturating_neg()).unwrap_or(0);
    let (kept, rest) = all.split_at(all.len().saturating_sub(drop));
    if rest.iter().any(|digit| *digit != 0) {
        return Err(Reason::NumberOutOfRange);
    }
    let zeros = usize::try_from(shift).unwrap_or(0).min(if value_is_zero(kept) { 0 } else { 40 });
    for digit in kept.iter().copied().chain(std::iter::repeat_n(0, zeros)) {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(digit.into()))
            .ok_or(Reason::NumberOutOfRange)?;
    }
    let limit = 10_i128.checked_pow(precision.into()).unwrap_or(i128::MAX);
    if value >= limit {
        return Err(Reason::NumberOutOfRange);
    }
    Ok(if negative { -value } else { value })
}

/// Whether lists and objects of a JSON text lie in one another deeper than `most`.
fn is_deeper(text: &str, most: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b']' | b'}' if !in_text => depth -= 1,
            _ => {}
        }
    }
    false
}

fn value_is_zero(digits: &[u8]) -> bool {
    digits.iter().all(|digit| *digit == 0)
}

/// A text that is a date, a time, or bytes.
pub(super) fn text<E: Error>(value: &str, node: &Node, column: &mut Column, state: &State) -> Result<(), E> {
    let wrong = |what: &str| state.fail(Reason::WrongType, format!("the text is no {what}"));
    match node {
        Node::Date => match time::date(value) {
            Some(days) => planned(sink::int(column, days)),
            None => Err(wrong("date as 2026-08-01")),
        },
        Node::Time => match time::time(value) {
            Some(micros) => planned(sink::long(column, micros)),
            None => Err(wrong("time as 12:34:56.789")),
        },
        Node::Timestamp { with_zone } => match time::timestamp(value, *with_zone) {
            Some(micros) => planned(sink::long(column, micros)),
            None if *with_zone => Err(wrong("timestamp as 2026-08-01T12:34:56Z")),
            None => Err(wrong("timestamp without a zone, as 2026-08-01T12:34:56")),
        },
        Node::Bytes { size } => {
            let bytes = match (size, uuid(value)) {
                (Some(16), Some(uuid)) => Some(uuid.to_vec()),
                _ => STANDARD.decode(value).ok(),
            };
            match bytes {
                Some(bytes) if size.is_none_or(|size| size == bytes.len()) => {
                    planned(sink::bytes(column, &bytes))
                }
                Some(bytes) => {
                    let message =
                        format!("it has {} bytes, its column {}", bytes.len(), size.unwrap_or_default());
                    Err(state.fail(Reason::WrongType, message))
                }
                None => Err(wrong("base64")),
            }
        }
        _ => planned(sink::text(column, value)),
    }
}

/// A UUID as it is mostly written.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 || [8, 13, 18, 23].iter().any(|at| bytes[*at] != b'-') {
        return None;
    }
    let mut digits = bytes.iter().filter(|byte| **byte != b'-').map(|byte| char::from(*byte).to_digit(16));
    let mut uuid = [0; 16];
    for byte in &mut uuid {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_each_digit_or_are_none() {
        assert_eq!(unscaled("12.34", 9, 2), Ok(1234));
        assert_eq!(unscaled("-0.1", 9, 2), Ok(-10));
        assert_eq!(unscaled("1.2e3", 9, 2), Ok(120_000));
        assert_eq!(unscaled("1200e-2", 9, 2), Ok(1200));
        assert_eq!(unscaled("0e999999999", 9, 2), Ok(0));
        assert_eq!(unscaled("1.230", 9, 2), Ok(123));
        assert_eq!(unscaled("1.234", 9, 2), Err(Reason::NumberOutOfRange));
        assert_eq!(unscaled("10000000", 9, 2), Err(Reason::NumberOutOfRange));
        assert_eq!(unscaled("1e999999999", 9, 2), Err(Reason::NumberOutOfRange));
        assert_eq!(unscaled("1e99999999999", 9, 2), Err(Reason::NumberOutOfRange));
        assert_eq!(unscaled("1e+", 9, 2), Err(Reason::WrongType));
        assert_eq!(unscaled("99999999999999999999999999999999999999", 38, 0), Ok(10_i128.pow(38) - 1));
        for no in ["", ".", "-", "1.", "true", "1,2", "0x1", "e1"] {
            let is = unscaled(no, 9, 2);
            assert!(is == Err(Reason::WrongType) || no == "1.", "{no}: {is:?}");
        }
    }

    #[test]
    fn depth_is_counted_outside_of_texts() {
        assert!(!is_deeper(r#"[{"a":[1,"[[[[\"[["]},[]]"#, 3));
        assert!(is_deeper(r#"[{"a":[1,[]]}]"#, 3));
    }

    #[test]
    fn a_uuid_is_sixteen_bytes() {
        let uuid = uuid("00010203-0405-0607-0809-0a0b0c0d0e0f").unwrap();
        assert_eq!(uuid[15], 15);
        assert!(super::uuid("00010203-0405-0607-0809-0a0b0c0d0e0g").is_none());
    }
}
