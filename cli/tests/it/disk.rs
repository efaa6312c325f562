//! Full disks: small file systems in memory, each mounted in a namespace of its own, which ends with the test.

use std::process::Command;

use crate::logs::{Logs, plain};

/// Runs a script with `$disk`, a disk of `mib` MiB of which all but `free` KiB is taken by the file `$disk/filler`, and
/// `$firnline`. Gives its output.
fn on_small_disk(mib: u32, free_kib: u32, script: &str, logs: &Logs) -> (String, String) {
    let setup = format!(
        "set -u; mount -t tmpfs -o size={mib}m tmpfs \"$disk\"\n\
         dd if=/dev/zero of=\"$disk/filler\" bs=1K count=$(( {mib} * 1024 - {free_kib} )) status=none\n{script}"
    );
    let disk = logs.temp.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mut command = Command::new("unshare");
    if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) != 0 {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", &setup]);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("disk", &disk);
    command.env("firnline", env!("CARGO_BIN_EXE_firnline"));
    command.env("tier", logs.tier()).env("log_dir", logs.path());
    let output = command.output().expect("unshare (util-linux) is needed to mount a small disk");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

/// Two partitions: one of 300 KiB and one of 3 MiB.
fn small_and_big() -> Logs {
    let mut logs = Logs::new();
    logs.write("orders-0", &plain(2, 50_000));
    logs.write("orders-1", &plain(2, 500_000));
    logs
}

#[test]
fn a_restore_onto_a_full_disk_is_environment_and_the_next_one_completes_it() {
    let logs = small_and_big();
    logs.offload(&[]).fine();
    let script = "restore() { \"$firnline\" restore \"$tier\" \"$1\" --to \"$disk/$2\" > /dev/null; echo \"code $?\"; }\n\
                  restore orders/1 one\n\
                  ls \"$disk/one\" | grep -c 'log$'\n\
                  rm -r \"$disk/one\"; restore orders all\n\
                  ls \"$disk/all/orders-0\"\n\
                  rm \"$disk/filler\"; restore orders/1 all/orders-1\n\
                  \"$firnline\" cat \"$tier\" orders/1 --raw | cmp - \"$disk/all/orders-1/00000000000000000000.log\" && echo same\n";
    let (out, err) = on_small_disk(8, 1024, script, &logs);
    let lines: Vec<&str> = out.lines().collect();
    let expected = ["code 3", "0", "code 5", "00000000000000000000.log", "code 0", "same"];
    assert_eq!(lines, expected, "{err}");
    says(&err, &["error[FIRN-C202]", "free space there and run again", "No space left"]);
    says(&err, &["error[FIRN-T031]", "[FIRN-C202] orders/1 in"]);
}

#[test]
fn an_offload_into_a_full_store_is_partly_done_and_the_next_one_completes_it() {
    let logs = small_and_big();
    // One partition after the other: the big one must not take the room of the small one.
    let script = "printf '[limits]\\nparallel_partitions = 1\\n' > \"$disk/one.toml\"\n\
                  offload() { \"$firnline\" offload --config \"$disk/one.toml\" --once --assume-committed --log-dir \"$log_dir\" \
                      --store \"$disk/tier\" > /dev/null; echo \"code $?\"; }\n\
                  offload\n\
                  \"$firnline\" cat \"$disk/tier\" orders/0 --raw | cmp - \"$log_dir/orders-0/00000000000000000000.log\" && echo same\n\
                  rm \"$disk/filler\"; offload\n\
                  \"$firnline\" cat \"$disk/tier\" orders/1 --raw | cmp - \"$log_dir/orders-1/00000000000000000000.log\" && echo same\n\
                  \"$firnline\" verify --deep \"$disk/tier\" > \"$disk/found\"; echo \"code $?\"; grep -c orphan \"$disk/found\"\n";
    let (out, err) = on_small_disk(8, 1536, script, &logs);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines, ["code 5", "same", "code 0", "same", "code 0", "0"], "{err}");
    says(&err, &["error[FIRN-T031]", "orders/1 in", "[FIRN-S"]);
}

#[test]
fn an_offload_that_finds_no_room_at_all_is_environment() {
    let logs = small_and_big();
    let script = "\"$firnline\" offload --once --assume-committed --log-dir \"$log_dir\" --store \"$disk/tier\"; echo \"code $?\"\n\
                  rm \"$disk/filler\"\n\
                  \"$firnline\" offload --once --assume-committed --log-dir \"$log_dir\" --store \"$disk/tier\" > /dev/null; echo \"code $?\"\n";
    let (out, err) = on_small_disk(8, 0, script, &logs);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines, ["code 3", "code 0"], "{err}");
    says(&err, &["error[FIRN-S"]);
}
