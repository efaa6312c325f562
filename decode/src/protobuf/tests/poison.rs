use proptest::prelude::*;
use serde_json::json;

use super::{Message, held, message, of_fields, read, read_one, write};
use crate::Reason;

fn order() -> (Message, Vec<u8>) {
    let schema = message(
        "syntax = \"proto3\"; message Order { int64 id = 1; string note = 2; repeated double prices = 3; Place to = 4; map<string, string> tags = 5; oneof how { string road = 6; int32 rail = 7; } }
         message Place { string town = 1; repeated Place2 inner = 2; } message Place2 { sint32 x = 1; }",
    );
    let payload = write()
        .varint(1, 300)
        .bytes(2, b"firn")
        .bytes(3, &[0; 16])
        .message(4, write().bytes(1, b"Chur").message(2, write().varint(1, 4)))
        .message(5, write().bytes(1, b"k").bytes(2, b"v"))
        .bytes(6, b"A13");
    (schema, payload.0)
}

#[test]
fn a_payload_cut_inside_a_field_is_truncated_and_its_neighbours_stand() {
    let (schema, whole) = order();
    let good = read_one(&schema, &whole).unwrap();
    assert_eq!(good["to"], json!({"town": "Chur", "inner": [{"x": 2}]}));
    // Between fields a shorter payload is a message, too.
    let borders = [0, 3, 9, 27, 39, 47];
    for end in 0..whole.len() {
        let outcomes = read(&schema, &[&whole, &whole[..end], &whole]);
        assert_eq!(outcomes[0].as_ref().unwrap(), &good);
        match &outcomes[1] {
            Ok(_) => assert!(borders.contains(&end), "cut at {end}"),
            Err(error) => assert_eq!(error.reason, Reason::Truncated, "cut at {end}"),
        }
        assert_eq!(outcomes[2].as_ref().unwrap(), &good);
    }
}

#[test]
fn faults_name_their_field() {
    let (schema, _) = order();
    let reason = |payload: super::Writer| {
        let error = read_one(&schema, &payload.0).unwrap_err();
        (error.reason, error.field)
    };
    let field = |name: &str| Some(name.to_owned());
    assert_eq!(reason(write().bytes(2, &[0xff])), (Reason::InvalidUtf8, field("note")));
    assert_eq!(reason(write().varint(2, 1)), (Reason::WrongType, field("note")));
    assert_eq!(reason(write().bytes(3, &[0; 15])), (Reason::Truncated, field("prices")));
    assert_eq!(
        reason(write().message(4, write().bytes(1, &[0xc0]))),
        (Reason::InvalidUtf8, field("to.town"))
    );
    let deep = write().message(4, write().message(2, write().bytes(1, b"")));
    assert_eq!(reason(deep), (Reason::WrongType, field("to.inner.x")));
    assert_eq!(reason(write().message(5, write().bytes(2, &[0xff]))), (Reason::InvalidUtf8, field("tags")));
    assert_eq!(reason(write().bytes(6, &[0xff])), (Reason::InvalidUtf8, field("road")));
    assert_eq!(reason(write().varint(6, 1)), (Reason::WrongType, field("road")));
}

#[test]
fn tags_that_cannot_be_are_refused() {
    let schema = of_fields("int32 a = 1;");
    for (bytes, reason) in [
        (&[0x00, 0][..], Reason::WrongType),
        (&[0x0e], Reason::WrongType),
        (&[0x0c], Reason::WrongType),
        (&[0x54], Reason::WrongType),
        (&[0x53, 0x5c], Reason::WrongType),
        (&[0x53], Reason::Truncated),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Reason::WrongType),
        (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], Reason::NumberOutOfRange),
        (&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Reason::Truncated),
    ] {
        assert_eq!(read_one(&schema, bytes).unwrap_err().reason, reason, "{bytes:02x?}");
    }
}

#[test]
fn groups_and_values_nested_without_end_are_refused() {
    let schema = message(
        "syntax = \"proto3\"; import \"google/protobuf/struct.proto\"; message M { google.protobuf.Value v = 1; }",
    );
    let groups = vec![0x53; 100_000];
    assert_eq!(read_one(&schema, &groups).unwrap_err().reason, Reason::TooDeep);
    let mut nested = write();
    for _ in 0..200 {
        // A list whose only item is the value so far.
        nested = write().message(6, write().message(1, nested));
    }
    let payload = write().message(1, nested);
    assert_eq!(read_one(&schema, &payload.0).unwrap_err().reason, Reason::TooDeep);
}

/// `depth` messages inside each other, each in three pieces: read naively, each level doubles the work.
#[test]
fn messages_in_pieces_at_every_level_take_no_more_time_than_bytes() {
    let depth = 40;
    let mut text = "syntax = \"proto3\";".to_owned();
    for index in 0..depth {
        let next = index + 1;
        text += &format!("message T{index} {{ T{next} a = 1; int32 x = 2; }}");
    }
    text += &format!("message T{depth} {{ int32 x = 2; }}");
    let schema = message(&text);
    let mut payload = write().varint(2, 7);
    for _ in 0..depth {
        payload = write().message(1, payload).message(1, write()).message(1, write());
    }
    let row = read_one(&schema, &payload.0).unwrap();
    let mut inner = &row;
    for _ in 0..depth {
        inner = &inner["a"];
    }
    assert_eq!(inner["x"], json!(7));
}

#[test]
fn items_are_bounded_by_the_bytes_read() {
    let fields: String = (1..=2_000).map(|number| format!("optional int32 f{number} = {number};")).collect();
    let schema = message(&format!(
        "syntax = \"proto3\"; message M {{ repeated Wide w = 1; }} message Wide {{ {fields} }}"
    ));
    let list = |items: usize| (0..items).fold(write(), |writer, _| writer.message(1, write()));
    assert!(read_one(&schema, &list(30).0).is_ok());
    assert_eq!(read_one(&schema, &list(1_000).0).unwrap_err().reason, Reason::TooLarge);
}

#[test]
fn many_pieces_and_many_turns_of_a_oneof_are_read_once() {
    let schema = message(
        "syntax = \"proto3\"; message M { oneof o { Inner a = 1; Inner b = 2; } Inner c = 3; } message Inner { int32 x = 1; }",
    );
    let mut payload = write();
    for turn in 0..200_000_u64 {
        payload =
            payload.message(1 + u32::from(turn % 2 == 0), write().varint(1, turn % 100)).message(3, write());
    }
    assert_eq!(read_one(&schema, &payload.0).unwrap(), json!({"a": {"x": 99}, "b": null, "c": {"x": 0}}));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_a_row_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let (schema, good) = order();
        prop_assert!(read(&schema, &[&bytes, &good])[1].is_ok());
    }

    #[test]
    fn any_bytes_take_memory_in_proportion_to_their_length(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let (schema, _) = order();
        let held = held(&schema, &bytes);
        prop_assert!(held <= 4_096 + 64 * bytes.len(), "{held} bytes for {}", bytes.len());
    }

    #[test]
    fn a_flipped_byte_does_not_disturb_the_neighbours(at in 0_usize..64, by in 1_u8..) {
        let (schema, whole) = order();
        let mut flipped = whole.clone();
        let at = at % flipped.len();
        flipped[at] ^= by;
        let outcomes = read(&schema, &[&flipped, &whole]);
        prop_assert_eq!(outcomes[1].as_ref().unwrap(), &read_one(&schema, &whole).unwrap());
    }
}
