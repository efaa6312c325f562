//! What is wrong with the arguments alone.

use crate::rig::{finish, firnline, run};

#[test]
fn help_goes_to_standard_output_and_is_fine() {
    for args in [vec!["--help"], vec!["cat", "--help"], vec!["config", "show", "-h"], vec!["--version"]] {
        let ran = run(&args);
        assert!(!ran.fine().is_empty() && ran.err.is_empty(), "{args:?}: {ran:?}");
    }
}

#[test]
fn every_command_shows_examples() {
    for command in ["demo", "offload", "ls", "inspect", "cat", "verify", "restore", "cost"] {
        let help = run([command, "--help"]);
        assert!(help.fine().contains("Examples:\n  firnline "), "{command}");
    }
}

#[test]
fn arguments_that_do_not_exist_are_usage() {
    for args in
        [vec![], vec!["nonsense"], vec!["ls", "--nonsense"], vec!["cat"], vec!["config"], vec!["offload"]]
    {
        let ran = run(&args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_command_without_a_tier_says_how_to_name_one() {
    for args in [
        vec!["ls"],
        vec!["cat", "orders/3"],
        vec!["inspect", "orders/3"],
        vec!["verify"],
        vec!["cost"],
        vec!["restore", "orders", "--to", "/nowhere"],
        vec!["offload", "--once", "--assume-committed", "--log-dir", "/nowhere"],
    ] {
        run(&args).fails(2, &["FIRN-C003", "--store"]);
    }
}

#[test]
fn addresses_are_refused_with_the_right_form() {
    for (url, says) in [
        ("s3:/bucket", "FIRN-"),
        ("s3://", "names no bucket"),
        ("gcs://b/p", "gs://BUCKET"),
        ("ftp://host/x", "unknown scheme"),
        ("https://s3.amazonaws.com/b", "s3://BUCKET"),
        ("s3://b/../p", "`..`"),
        ("", "empty"),
    ] {
        run(["ls", "--store", url]).fails(2, &[says]);
    }
}

#[test]
fn the_tier_is_not_named_twice() {
    run(["ls", "/one", "--store", "/two"]).fails(2, &["FIRN-C001", "/one"]);
}

#[test]
fn patterns_positions_and_partitions_are_checked_before_any_request() {
    // No such directory: a request would end with another code.
    let store = ["--store", "/nowhere/at/all"];
    let with = |args: &[&str]| run(args.iter().chain(&store));
    with(&["ls", "--topic", "a("]).fails(2, &["regular expression", "a("]);
    with(&["cat", "orders"]).fails(2, &["orders", "TOPIC/P"]);
    with(&["cat", "orders/x"]).fails(2, &["orders/x", "TOPIC/P"]);
    with(&["cat", "orders/3", "--from", "yesterday"]).fails(2, &["yesterday", "earliest"]);
    with(&["cat", "orders/3", "--from", "@2026-11-23"]).fails(2, &["RFC 3339"]);
    with(&["cat", "orders/3", "--from", "9", "--until", "3"]).fails(2, &["FIRN-C002", "9", "3"]);
    with(&["cat", "orders/3", "--from", "-1h", "--until", "-2h"]).fails(2, &["FIRN-C002"]);
    with(&["cat", "orders/3", "--from", "latest", "--until", "earliest"]).fails(2, &["FIRN-C002"]);
    with(&["cat", "orders/3", "--isolation", "serializable"]).fails(2, &["read_committed"]);
    with(&["cat", "orders/3", "--max", "-1"]).fails(2, &["--max"]);
    with(&["restore", "orders", "--to", "/nowhere", "--from", "5", "--until", "4"]).fails(2, &["FIRN-C002"]);
    with(&["ls", "or ders"]).fails(2, &["or ders"]);
}

#[test]
fn a_log_level_that_is_none_is_refused() {
    let mut command = firnline(["config", "check"]);
    command.env("FIRNLINE_LOG", "=loud=");
    finish(command).fails(2, &["FIRNLINE_LOG", "=loud="]);
}
