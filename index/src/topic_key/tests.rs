use super::*;
use crate::ids::{ClusterId, TimestampMs, TopicId, TopicName};
use proptest::prelude::*;

fn topic_id() -> TopicId {
    TopicId::from_bytes([2; 16])
}

fn object(wrapped: Vec<u8>) -> WrappedTopicKey {
    WrappedTopicKey {
        cluster_id: ClusterId::new("J8nB1x9RTGqN3oGQx5Lk2A").unwrap(),
        topic: TopicName::new("orders").unwrap(),
        topic_id: topic_id(),
        number: 0,
        created_at: TimestampMs::new(1_790_000_000_000).unwrap(),
        ring_key: "2026a".to_owned(),
        wrapped,
    }
}

fn topic_key() -> TopicKey {
    let secret = std::array::from_fn(|at| u8::try_from(at).unwrap());
    TopicKey::new(KeyId::of_topic(topic_id(), 0), Zeroizing::new(secret))
}

fn ring(byte: u8) -> RingKey {
    RingKey::new(Zeroizing::new([byte; KEY_LEN]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Computed by Python's `hashlib` and `cryptography`:
/// `sha256(b"firnline topic key" + bytes([2])*16 + (n).to_bytes(4, "little"))[:16]`, and
/// `AESGCM(bytes([9])*32).encrypt(bytes([7])*12, bytes(range(32)), cluster + topic_id + key_id)`.
#[test]
fn ids_and_wrappings_are_those_that_others_compute() {
    assert_eq!(KeyId::of_topic(topic_id(), 0).to_string(), "adf99039-ad4c-25a4-b2db-bf865e0fc4ae");
    assert_eq!(KeyId::of_topic(topic_id(), 1).to_string(), "99d34622-1a22-1740-67be-12a699e2bde8");
    let wrapped = ring(9).wrap(&object(vec![0]).context(), &topic_key(), [7; WRAP_NONCE_LEN]);
    assert_eq!(
        hex(&wrapped),
        concat!(
            "070707070707070707070707",
            "59ba8f9c6c74f91e7fe35d869acf7de92d2914599419e45286970b8bef6b9d065d1c727d660eebc9fd23f41e1719b9c4"
        )
    );
}

#[test]
fn a_wrapped_key_opens_with_its_ring_key_and_context_alone() {
    let context = object(vec![0]).context();
    let wrapped = ring(9).wrap(&context, &topic_key(), [7; WRAP_NONCE_LEN]);
    assert_eq!(ring(9).unwrap(&context, &wrapped).unwrap().expose(), topic_key().expose());
    assert_eq!(ring(8).unwrap(&context, &wrapped).unwrap_err(), WrapError);
    let others = [
        WrapContext { cluster_id: ClusterId::new("other").unwrap(), ..context.clone() },
        WrapContext { topic_id: TopicId::from_bytes([3; 16]), ..context.clone() },
        WrapContext { key_id: KeyId::of_topic(topic_id(), 1), ..context.clone() },
    ];
    for other in others {
        assert_eq!(ring(9).unwrap(&other, &wrapped).unwrap_err(), WrapError);
    }
    for bit in 0..wrapped.len() * 8 {
        let mut bad = wrapped.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(ring(9).unwrap(&context, &bad).unwrap_err(), WrapError, "bit {bit}");
    }
    for length in 0..wrapped.len() {
        assert!(ring(9).unwrap(&context, &wrapped[..length]).is_err());
    }
}

#[test]
fn a_ring_key_is_read_as_base64_and_hexadecimal() {
    let context = object(vec![0]).context();
    let of = |text: &str| RingKey::parse(text).map(|key| key.wrap(&context, &topic_key(), [7; 12]));
    let expected = ring(9).wrap(&context, &topic_key(), [7; 12]);
    assert_eq!(of("CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n").unwrap(), expected);
    assert_eq!(of(&"09".repeat(32)).unwrap(), expected);
    for bad in ["", "CQkJ", &"09".repeat(31), &"0x".repeat(32), &"+9".repeat(32), &"ü".repeat(32)] {
        assert!(of(bad).is_err(), "{bad}");
    }
}

#[test]
fn no_secret_is_printed() {
    assert_eq!(format!("{:?}", ring(9)), "RingKey(…)");
    assert_eq!(format!("{:?}", topic_key()), format!("TopicKey({})", topic_key().id()));
}

/// The text once written stays readable.
#[test]
fn the_object_is_written_as_it_always_was() {
    let text = String::from_utf8(object(vec![1, 2, 3]).encode().unwrap()).unwrap();
    let head = text.rsplit_once(",\n").unwrap().0;
    assert_eq!(
        head,
        concat!(
            "{\n  \"v\": 1,\n  \"cluster_id\": \"J8nB1x9RTGqN3oGQx5Lk2A\",\n  \"topic\": \"orders\",\n",
            "  \"topic_id\": \"AgICAgICAgICAgICAgICAg\",\n  \"number\": 0,\n",
            "  \"key_id\": \"adf99039-ad4c-25a4-b2db-bf865e0fc4ae\",\n",
            "  \"created_at_ms\": 1790000000000,\n  \"ring_key\": \"2026a\",\n  \"wrapped\": \"AQID\""
        )
    );
}

#[test]
fn an_object_that_lies_is_refused() {
    assert!(object(Vec::new()).encode().is_err());
    assert!(object(vec![0; MAX_WRAPPED_LEN + 1]).encode().is_err());
    assert!(object(vec![0; MAX_WRAPPED_LEN]).encode().is_ok());
    assert!(WrappedTopicKey { ring_key: "a b".to_owned(), ..object(vec![1]) }.encode().is_err());
    let bytes = object(vec![1, 2, 3]).encode().unwrap();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(WrappedTopicKey::decode(&bad).is_err(), "byte {at}");
        assert!(WrappedTopicKey::decode(&bytes[..at]).is_err(), "{at} bytes");
    }
}

proptest! {
    #[test]
    fn objects_read_back_as_they_were_written(
        number in any::<u32>(), wrapped in proptest::collection::vec(any::<u8>(), 1..500), name in "[!-~]{1,200}"
    ) {
        let object = WrappedTopicKey { number, ring_key: name, ..object(wrapped) };
        prop_assert_eq!(WrappedTopicKey::decode(&object.encode().unwrap()).unwrap(), object);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(WrappedTopicKey::decode(&bytes).is_err());
    }
}
