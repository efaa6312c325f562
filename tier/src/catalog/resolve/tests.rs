use super::*;

fn known(list: &[(&str, u8)]) -> Vec<KnownTopic> {
    list.iter()
        .map(|(name, id)| KnownTopic {
            topic: TopicName::new(name).unwrap(),
            topic_id: TopicId::from_bytes([*id; 16]),
        })
        .collect()
}

fn ask(topic: &str, id: Option<TopicId>, topics: &[KnownTopic]) -> Result<KnownTopic, ResolveError> {
    resolve(&TopicName::new(topic).unwrap(), id, topics).cloned()
}

#[test]
fn a_plain_name_means_the_only_id() {
    let topics = known(&[("orders", 1), ("payments", 2)]);
    let found = ask("payments", None, &topics).unwrap();
    assert_eq!(found, topics[1]);
}

#[test]
fn a_recreated_topic_needs_its_id() {
    let topics = known(&[("orders", 2), ("orders", 1)]);
    let error = ask("orders", None, &topics).unwrap_err();
    let ids = vec![topics[1].topic_id, topics[0].topic_id];
    assert_eq!(error, ResolveError::Ambiguous { topic: topics[0].topic.clone(), ids });
    assert!(error.to_string().contains(&topics[0].topic_id.to_string()), "{error}");

    assert_eq!(ask("orders", Some(topics[0].topic_id), &topics).unwrap(), topics[0]);
}

#[test]
fn an_unknown_name_comes_with_the_nearest() {
    let topics = known(&[("orders", 1), ("payments", 2)]);
    let error = ask("ordesr", None, &topics).unwrap_err();
    assert_eq!(error.to_string(), "topic ordesr is not in this tier; nearest: orders");
    let error = ask("inventory", None, &topics).unwrap_err();
    assert_eq!(error.to_string(), "topic inventory is not in this tier");
}

#[test]
fn an_unknown_id_comes_with_those_there_are() {
    let topics = known(&[("orders", 1)]);
    let error = ask("orders", Some(TopicId::from_bytes([9; 16])), &topics).unwrap_err();
    assert!(error.to_string().contains(&topics[0].topic_id.to_string()), "{error}");
}
