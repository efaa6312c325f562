//! `firnline config`, and the config of every command.

use std::fs;

use tempfile::TempDir;

use crate::rig::{Ran, finish, firnline};

fn with(config: &str, args: &[&str], vars: &[(&str, &str)]) -> Ran {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("firnline.toml");
    fs::write(&path, config).unwrap();
    let mut command = firnline(args);
    command.env("FIRNLINE_CONFIG", &path).envs(vars.iter().copied());
    finish(command)
}

#[test]
fn every_bad_value_is_named_in_one_run() {
    let config = "\
[store]
url = 's3://b/p'
pathstyle = true
part_size = 16
region = ''
aws.secret_access_key = 'hunter2'

[store.deadline]
read = '5'

[limits]
parallel_partitions = 0

[export]
catalog.kind = 'hive'

[[topic]]
offload = true

[[topic]]
name = 'a('
";
    let ran = with(config, &["config", "check"], &[]);
    ran.fails(
        2,
        &[
            "FIRN-C102",
            "9 values",
            "line 3: store.pathstyle is not a known key; did you mean store.path_style?",
            "line 4: store.part_size: expected a size with its unit",
            "line 5: store.region: is empty",
            "line 6: store.aws.secret_access_key: a secret is not written here",
            "line 9: store.deadline.read: \"5\" is not a duration",
            "line 12: limits.parallel_partitions: 0 is not a whole number from 1 to 1024",
            "line 15: export.catalog.kind: \"hive\" is none of files, rest or glue",
            "topic[1]: has no name",
            "topic[2].name: \"a(\" is not a regular expression",
        ],
    );
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
}

#[test]
fn a_key_under_the_wrong_section_is_led_to_the_right_one() {
    with("[cache]\nupload_memory = '1GiB'\n", &["config", "check"], &[])
        .fails(2, &["cache.upload_memory is not a known key; did you mean limits.upload_memory?"]);
    with("stor.url = 's3://b'\n", &["config", "check"], &[]).fails(2, &["did you mean store.url?"]);
}

#[test]
fn values_that_do_not_fit_together_are_named() {
    let config = "\
[kafka]
bootstrap = ['broker:9092', 'PLAINTEXT://broker:9092']
sasl.mechanism = 'PLAIN'
sasl.username = 'firnline'

[http]
listen = 'localhost:80'

[[topic]]
name = 'orders'
max_lag = '1ms'
tail_intervall = '5m'
";
    with(config, &["config", "check"], &[]).fails(
        2,
        &[
            "line 2: kafka.bootstrap: \"PLAINTEXT://broker:9092\" is not HOST:PORT",
            "line 3: kafka.sasl.mechanism: PLAIN needs kafka.sasl.username and kafka.sasl.password",
            "line 7: http.listen: \"localhost:80\" is neither IP:PORT nor off",
            "line 11: topic[1].max_lag: 1ms is not between 1s and 7d",
            "line 12: topic[1].tail_intervall is not a known key; did you mean topic[1].tail_interval?",
        ],
    );
    let open = "kafka.bootstrap = ['broker:9092']\nkafka.sasl.mechanism = 'PLAIN'\nkafka.sasl.username = 'u'\nkafka.sasl.password = 'file:/p'\n";
    with(open, &["config", "check"], &[]).fails(2, &["line 2", "in the open", "kafka.tls.enabled"]);
}

#[test]
fn secrets_and_files_of_kafka_are_tried_too() {
    let file = "[kafka]\ntls.enabled = true\ntls.ca_file = '/nowhere/ca'\ntls.cert_file = '/nowhere/cert'\ntls.key = 'env:NO_KEY'\n";
    with(file, &["config", "check"], &[])
        .fails(3, &["FIRN-C103", "kafka.tls.ca_file", "kafka.tls.cert_file", "kafka.tls.key", "NO_KEY"]);
}

#[test]
fn text_that_is_no_toml_is_named_by_line() {
    with("[store]\nurl = \n", &["config", "check"], &[]).fails(2, &["FIRN-C102", "line 2"]);
    with("[store]\nurl = 'a'\nurl = 'b'\n", &["config", "check"], &[]).fails(2, &["line 3", "duplicate"]);
}

#[test]
fn a_missing_config_is_the_environments_fault() {
    let mut command = firnline(["config", "check", "--config", "/nowhere/firnline.toml"]);
    command.env("FIRNLINE_CONFIG", "/dev/null");
    finish(command).fails(3, &["FIRN-C101", "/nowhere/firnline.toml", "No such file"]);
}

#[test]
fn the_command_line_stands_before_the_environment_and_that_before_the_file() {
    let file = "[store]\nurl = '/from/file'\nregion = 'eu-west-1'\n";
    let show = ["config", "show", "--effective"];
    assert!(with(file, &show, &[]).fine().contains("url = \"file:///from/file\""));
    let env = [("FIRNLINE_STORE", "/from/env"), ("AWS_REGION", "us-west-2")];
    let shown = with(file, &show, &env);
    assert!(shown.fine().contains("url = \"file:///from/env\""), "{shown:?}");
    // The clouds' own variables only stand in.
    assert!(shown.out.contains("region = \"eu-west-1\""), "{shown:?}");
    let shown = with(file, &["config", "show", "--effective", "--store", "/from/flag"], &env);
    assert!(shown.fine().contains("url = \"file:///from/flag\""), "{shown:?}");
    assert!(shown.out.contains("# from the command line"), "{shown:?}");
}

#[test]
fn what_is_shown_reads_back_as_the_same() {
    let file =
        "[store]\nurl = 's3://b/p'\ndeadline.read = '5s'\n[[topic]]\nname = 'orders.*'\noffload = false\n";
    let once = with(file, &["config", "show", "--effective"], &[]);
    let strip =
        |text: &str| text.lines().map(|l| l.split('#').next().unwrap().trim().to_owned()).collect::<Vec<_>>();
    let twice = with(once.fine(), &["config", "show", "--effective"], &[]);
    assert_eq!(strip(&once.out), strip(twice.fine()));
    assert_eq!(
        with(file, &["config", "show"], &[]).fine(),
        "[store]\nurl = \"s3://b/p\"\ndeadline.read = \"5s\"\n\n[[topic]]\nname = \"orders.*\"\noffload = false\n"
    );
}

#[test]
fn a_config_that_is_shown_holds_no_secret() {
    let file = "[store]\naws.access_key_id = 'AKIA'\naws.secret_access_key = 'env:KEY'\n";
    let shown = with(
        file,
        &["config", "show", "--effective"],
        &[("KEY", "hunter2"), ("AWS_SECRET_ACCESS_KEY", "hunter3")],
    );
    assert!(shown.fine().contains("aws.secret_access_key = \"env:KEY\""));
    assert!(!shown.out.contains("hunter"), "{shown:?}");
}

#[test]
fn check_tries_secrets_and_files() {
    let file = "[store]\naws.secret_access_key = 'env:NOT_SET'\nca_bundle = '/nowhere/ca.pem'\nprice_file = '/nowhere/p'\n";
    with(file, &["config", "check"], &[])
        .fails(3, &["FIRN-C103", "NOT_SET", "/nowhere/ca.pem", "store.price_file"]);
}

#[test]
fn the_certificates_of_aws_own_tools_are_taken_unless_the_config_names_others() {
    let aws = [("AWS_CA_BUNDLE", "/no/such/aws.pem")];
    let list = ["ls", "s3://bucket-of-nobody"];
    with("", &list, &aws).fails(3, &["FIRN-C202", "/no/such/aws.pem"]);
    with("[store]\nca_bundle = '/no/such/own.pem'", &list, &aws).fails(3, &["/no/such/own.pem"]);
}
