use super::*;

fn set(pairs: &[(&str, &str)]) -> TopicSettings {
    let effective = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TopicSettings { effective, ..TopicSettings::default() }
}

#[test]
fn a_topic_is_compacted_by_the_policy_in_force() {
    assert!(configs(set(&[("cleanup.policy", "compact")])).compacted);
    assert!(configs(set(&[("cleanup.policy", "delete,compact")])).compacted);
    assert!(!configs(set(&[("cleanup.policy", "delete")])).compacted);
    assert!(!configs(set(&[])).compacted);
    assert!(configs(set(&[("remote.storage.enable", "true")])).remote_storage);
    assert!(!configs(set(&[("remote.storage.enable", "false")])).remote_storage);
}

#[test]
fn each_code_says_what_to_do_next() {
    let leader = Leader {
        node: firnline_index::NodeId::new(1).unwrap(),
        epoch: firnline_index::LeaderEpoch::new(2).unwrap(),
    };
    let read = |code| ask_error(Code::of(code).unwrap(), leader, || "DESCRIBE on TOPIC t".to_owned());
    for code in [6, 74, 75] {
        assert!(matches!(read(code), AskError::Fenced { asked } if asked == leader), "{code}");
    }
    for code in [3, 100] {
        assert!(matches!(read(code), AskError::Unknown), "{code}");
    }
    assert!(matches!(read(29), AskError::Denied { missing } if missing == "DESCRIBE on TOPIC t"));
    // Leader not available, timed out, offset not available, an unknown one: try again.
    for code in [5, 7, 78, -1, 9999] {
        assert!(matches!(read(code), AskError::Unavailable(_)), "{code}");
    }
}
