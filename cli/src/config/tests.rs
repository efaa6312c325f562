use super::load::parse;
use super::*;
use crate::surroundings::Surroundings;

#[test]
fn every_default_is_a_value_of_its_kind() {
    // An empty file takes each default; one that did not parse would panic here.
    let config = parse("", &Surroundings::default()).unwrap();
    let shown = show(&config, Scope::Effective);
    for section in reference().iter().filter(|section| !section.head.starts_with("[[")) {
        assert!(shown.contains(&format!("{}\n", section.head)), "{} is not shown", section.head);
        for key in &section.keys {
            assert!(shown.contains(key.name), "{} is not shown", key.name);
            assert!(!key.doc.is_empty() && key.doc.iter().all(|line| !line.is_empty()));
        }
    }
}

#[test]
fn what_is_shown_reads_back_the_same() {
    let config = parse("", &Surroundings::default()).unwrap();
    let shown = show(&config, Scope::Effective);
    let again = parse(&shown, &Surroundings::default()).unwrap();
    let values = |text: &str| {
        text.lines().map(|line| line.split('#').next().unwrap().trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(&show(&again, Scope::Effective)), values(&shown));
}

#[test]
fn numbers_in_any_notation_are_numbers() {
    let read =
        |text: &str| parse(&format!("limits.parallel_partitions = {text}\n"), &Surroundings::default());
    assert_eq!(read("1_000").unwrap().limits.parallel_partitions.value.0, 1000);
    assert_eq!(read("0x10").unwrap().limits.parallel_partitions.value.0, 16);
    for bad in ["-1", "0", "1025", "1.5", "'8'", "true", "99999999999999999999999"] {
        assert_eq!(read(bad).unwrap_err().len(), 1, "{bad}");
    }
}

#[test]
fn the_first_of_two_endpoint_variables_holds() {
    let mut around = Surroundings::default();
    around.vars.insert("AWS_ENDPOINT_URL".into(), "https://general".into());
    around.vars.insert("AWS_ENDPOINT_URL_S3".into(), "https://s3".into());
    let config = parse("", &around).unwrap();
    assert_eq!(config.store.endpoint.value, Some(Text("https://s3".into())));
    assert_eq!(config.store.endpoint.origin, Origin::Environment("AWS_ENDPOINT_URL_S3"));
}

#[test]
fn a_bad_address_in_the_environment_is_named_with_its_variable() {
    let mut around = Surroundings::default();
    around.vars.insert("FIRNLINE_STORE".into(), "s3a://b".into());
    let problems = parse("", &around).unwrap_err();
    assert!(problems[0].what.contains("FIRNLINE_STORE"), "{problems:?}");
}
