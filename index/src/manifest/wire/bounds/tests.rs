use super::*;

static INNER: Shape =
    Shape { name: "inner", fields: &[Field { number: 1, what: "inner numbers", max: 3, message: None }] };
static OUTER: Shape = Shape {
    name: "outer",
    fields: &[
        Field { number: 1, what: "number", max: 1, message: None },
        Field { number: 2, what: "parts", max: 2, message: Some(&INNER) },
    ],
};

fn refusal(body: &[u8]) -> String {
    check(&OUTER, body).expect_err("must be refused").to_string()
}

#[test]
fn known_fields_within_their_limits_pass() {
    check(&OUTER, &[]).unwrap();
    // number = 300; two parts, one of them empty, the other with two numbers.
    check(&OUTER, &[0x08, 0xac, 0x02, 0x12, 0x00, 0x12, 0x04, 0x08, 0x01, 0x08, 0x02]).unwrap();
}

#[test]
fn a_field_given_twice_is_refused() {
    assert_eq!(refusal(&[0x08, 1, 0x08, 2]), "number: 2 is more than the limit of 1");
}

#[test]
fn counts_hold_at_every_depth() {
    assert_eq!(refusal(&[0x12, 0, 0x12, 0, 0x12, 0]), "parts: 3 is more than the limit of 2");
    let inner = [0x12, 8, 0x08, 1, 0x08, 1, 0x08, 1, 0x08, 1];
    assert_eq!(refusal(&inner), "inner numbers: 4 is more than the limit of 3");
}

#[test]
fn unknown_fields_are_named() {
    let text = refusal(&[0x12, 2, 0x10, 0]);
    assert!(text.contains("inner.2"), "{text}");
}

#[test]
fn broken_fields_are_refused() {
    for body in [
        &[0x08][..],                                                             // no value
        &[0x08, 0x80][..],                                                       // number cut short
        &[0x12, 5, 0x08][..],                                                    // message cut short
        &[0x10, 1][..],                                                          // a message as a number
        &[0x0b][..],                                                             // group
        &[0x0d, 1, 2, 3][..],                                                    // four bytes cut short
        &[0x09, 1, 2, 3, 4, 5, 6, 7][..],                                        // eight bytes cut short
        &[0xff; 11][..], // number of more than ten bytes
        &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01][..], // length of 2^64 - 1
    ] {
        check(&OUTER, body).expect_err("must be refused");
    }
}

#[test]
fn every_shape_fits_the_counters() {
    assert!(super::super::v1::largest_shape() <= MAX_FIELDS);
}
