//! No argument, file or variable makes the binary panic: 101 and -1 (a signal) never happen.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use proptest::prelude::*;

use crate::rig::{finish, firnline};

const WORDS: &[&str] = &[
    "ls",
    "cat",
    "inspect",
    "verify",
    "restore",
    "cost",
    "config",
    "check",
    "show",
    "offload",
    "--once",
    "--store",
    "/nowhere",
    "./x",
    "s3://",
    "memory:",
    "--topic",
    "(",
    "--from",
    "--until",
    "@",
    "-2h",
    "-",
    "--",
    "a/0",
    "a@b/0",
    "--to",
    "--max",
    "18446744073709551616",
    "--json",
    "--raw",
    "--config",
    "/dev/null",
    "/dev/zero",
    "--log-dir",
    "/proc",
    "--effective",
    "--isolation",
    "read_committed",
    "\u{0}é",
    "💥",
    "--prices",
    "--blocks",
    "--deep",
    "%s%n",
    "9223372036854775807",
];

fn argument() -> impl Strategy<Value = OsString> {
    prop_oneof![
        6 => prop::sample::select(WORDS).prop_map(|word| OsString::from(word.replace('\0', ""))),
        1 => prop::collection::vec(1..=255_u8, 0..12).prop_map(OsString::from_vec),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn no_arguments_panic(args in prop::collection::vec(argument(), 0..7)) {
        let mut command = firnline(&args);
        // Credentials are asked for nowhere: an address in a cloud must fail without a network.
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
        let ran = finish(command);
        prop_assert!([0, 1, 2, 3, 4, 5].contains(&ran.code), "{args:?}: {ran:?}");
        prop_assert!(!ran.err.contains("FIRN-C301"), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_variable_that_is_no_text_is_as_if_not_set() {
    let mut command = firnline(["config", "check"]);
    command.env("FIRNLINE_STORE", OsString::from_vec(vec![0xff, 0xfe]));
    assert_eq!(finish(command).code, 0);
}
