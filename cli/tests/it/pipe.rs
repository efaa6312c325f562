//! A reader of standard output that goes away.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use crate::logs::{Logs, plain};
use crate::made::{copied, first_object};
use crate::rig::firnline;

/// Reads one line and closes the pipe; gives that line, the exit code and standard error.
fn after_one_line(args: &[&str]) -> (String, Option<i32>, String) {
    let mut child = firnline(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = Vec::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_until(b'\n', &mut line).unwrap();
    let line = String::from_utf8_lossy(&line).into_owned();
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (line, child.wait().unwrap().code(), text)
}

#[test]
fn what_only_reads_ends_quietly_with_0() {
    let mut logs = Logs::new();
    // More than any pipe holds.
    logs.write("orders-0", &plain(40, 4000));
    logs.offload(&[]).fine();
    let tier = logs.tier().display().to_string();
    for args in [vec!["cat", &tier, "orders/0"], vec!["cat", &tier, "orders/0", "--raw"]] {
        let (line, code, text) = after_one_line(&args);
        assert!(!line.is_empty() && code == Some(0) && text.is_empty(), "{args:?}: {code:?} {text}");
    }
}

#[test]
fn a_check_goes_on_and_ends_with_what_it_found() {
    let copy = copied("pipe");
    let path = copy.join(first_object()["object_key"].as_str().unwrap());
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (line, code, text) = after_one_line(&["verify", "--deep", "--json", copy.to_str().unwrap()]);
    assert!(line.contains("\"kind\":\"anomaly\""), "{line}");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("FIRN-T022"), "{text}");
}
