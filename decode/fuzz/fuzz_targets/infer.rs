#![no_main]

use firnline_decode::{Inference, parse_fields, print_fields};

/// Values apart by line feeds; what is inferred does not depend on their order, and reads back.
fn infer<'a>(values: impl Iterator<Item = &'a [u8]>) -> Inference {
    let mut inference = Inference::default();
    values.for_each(|value| inference.feed(value));
    inference
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let values: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let (one, other) = (infer(values.iter().copied()), infer(values.iter().rev().copied()));
    if one.left_out() || other.left_out() {
        return;
    }
    let (fields, reversed) = (one.fields(), other.fields());
    assert_eq!(fields, reversed);
    // A field without a name is for a person to name.
    if let Ok(again) = parse_fields(&print_fields(&fields)) {
        assert_eq!(again, fields);
    }
});
