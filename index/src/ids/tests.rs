use super::*;

#[test]
fn offsets_refuse_negative_numbers_and_overflow() {
    assert!(Offset::new(-1).is_err());
    assert_eq!(Offset::MAX.next(), None);
    assert_eq!(Offset::new(5).unwrap().checked_sub(Offset::new(7).unwrap()), None);
    assert_eq!(Offset::new(7).unwrap().checked_sub(Offset::new(5).unwrap()), Some(2));
}

#[test]
fn ranges_are_never_backwards() {
    let (two, five) = (Offset::new(2).unwrap(), Offset::new(5).unwrap());
    assert!(OffsetRange::new(five, two).is_err());
    let range = OffsetRange::new(two, five).unwrap();
    assert_eq!(range.span(), 3);
    assert!(range.contains(two) && !range.contains(five));
}

#[test]
fn topic_id_text_is_kafkas_and_unique() {
    let id = TopicId::from_bytes([0xfb; 16]);
    let text = id.to_string();
    assert_eq!(text.len(), 22);
    assert_eq!(text.parse::<TopicId>().unwrap(), id);
    assert!(format!("{text}=").parse::<TopicId>().is_err());
}

#[test]
fn segment_ids_have_one_text_only() {
    let id = SegmentUuid::from_bytes([0xab; 16]);
    assert_eq!(id.to_string().parse::<SegmentUuid>().unwrap(), id);
    assert!(id.to_string().to_uppercase().parse::<SegmentUuid>().is_err());
    assert!(id.to_string().replace('-', "").parse::<SegmentUuid>().is_err());
}

#[test]
fn topic_names_follow_kafkas_rule() {
    assert!(TopicName::new(&"a".repeat(249)).is_ok());
    for bad in ["", ".", "..", "a/b", "a b", "ä", &"a".repeat(250)] {
        assert!(TopicName::new(bad).is_err(), "{bad:?}");
    }
}
