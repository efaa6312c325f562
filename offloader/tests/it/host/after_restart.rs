//! What a new process makes of the pins that an earlier one left.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use firnline_index::LeaderEpoch;
use firnline_index::lineage::{EpochStart, Lineage};
use firnline_offloader::{Host as _, Presence, Stretch, Witness};

use super::{Machine, batch, look, look_one, offset, pins, read, shapes, tip};

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn pin_at(machine: &Machine, base: &str) -> std::path::PathBuf {
    let names = pins(machine.dir());
    machine.dir().join(names.iter().find(|name| name.contains(&format!(".{base:0>20}."))).unwrap())
}

#[test]
fn pins_are_found_again_and_their_ends_are_read_from_their_batches() {
    let machine = Machine::new();
    let mut broker = machine.partition(&tip("orders", 3));
    let bytes = broker.fill(4).concat();
    look(&machine.host());
    broker.retain();
    broker.retain();
    broker.truncate(60);
    broker.fill(1);
    let host = machine.host();
    assert_eq!(shapes(&look_one(&host)), ["0..20* 20..40* 40..80+ 80..+", "60..80*"]);
    let before = pins(machine.dir());
    look(&host);
    assert_eq!(pins(machine.dir()), before);
    assert_eq!(read(&look_one(&host).chains[0])[..bytes.len() * 3 / 4], bytes[..bytes.len() * 3 / 4]);
}

#[test]
fn a_partition_that_is_gone_is_known_by_name() {
    let machine = Machine::new();
    let orders = tip("orders", 3);
    let mut broker = machine.partition(&orders);
    let bytes = broker.fill(2).concat();
    look(&machine.host());
    fs::remove_dir_all(&broker.path).unwrap();
    let host = machine.host();
    let held = look_one(&host);
    assert_eq!((&held.tip, held.presence), (&orders, Presence::Gone));
    assert_eq!(shapes(&held), ["0..20* 20..40*"], "the empty last file kept nothing");
    assert_eq!(read(&held.chains[0]), bytes);
    drop(host);

    // Without the journal the topic's name is lost; the pins must not be.
    fs::remove_file(machine.dir().join(".firnline-witness")).unwrap();
    let host = machine.host();
    assert_eq!(look(&host).len(), 0);
    assert_eq!(pins(machine.dir()).len(), 2);
    assert!(host.problems()[0].1.contains("whose name is not known"), "{:?}", host.problems());
}

#[test]
fn foreign_names_and_names_cut_short_are_left_alone_and_told() {
    let machine = Machine::new();
    let mut broker = machine.partition(&tip("orders", 3));
    broker.fill(1);
    look(&machine.host());
    let name = pins(machine.dir())[0].clone();
    let strangers = [&name[..name.len() - 1], ".firnline-pin.x", ".firnline-pin.", &format!("{name}.log")];
    // (The inode cut by one digit is a name all the same: see below.)
    for stranger in &strangers[1..] {
        fs::write(machine.dir().join(stranger), b"x").unwrap();
    }
    let directory = name.replace(".3.0000", ".4.0000");
    fs::create_dir(machine.dir().join(&directory)).unwrap();
    let host = machine.host();
    assert_eq!(look(&host).len(), 1);
    assert_eq!(host.problems().len(), 4, "{:?}", host.problems());
    assert!(strangers[1..].iter().all(|stranger| machine.dir().join(stranger).exists()));
    assert!(machine.dir().join(directory).exists());
}

#[test]
fn second_names_of_one_file_go_and_a_wrong_inode_is_put_right() {
    let machine = Machine::new();
    let mut broker = machine.partition(&tip("orders", 3));
    broker.fill(3);
    look(&machine.host());
    broker.retain();
    let names = pins(machine.dir());
    // Of a live file under another base, and of one that only its pin keeps.
    let live = machine.dir().join(names.iter().find(|name| name.contains(".00000000000000000020.")).unwrap());
    fs::hard_link(&live, live.to_str().unwrap().replace(".00000000000000000020.", ".00000000000000000010."))
        .unwrap();
    let sole = pin_at(&machine, "0");
    let inode = fs::metadata(&sole).unwrap().ino().to_string();
    fs::hard_link(&sole, sole.to_str().unwrap().replace(&format!(".{inode}"), ".5")).unwrap();
    let host = machine.host();
    assert_eq!(shapes(&look_one(&host)), ["0..20* 20..40+ 40..60+ 60..+"]);
    assert_eq!(pins(machine.dir()), names);
    drop(host);

    // The log dir was copied to another disk: each file is another one now, and the pins are files of their own.
    let copy = machine.temp.path().join("copy");
    assert!(
        std::process::Command::new("cp")
            .args(["-r", "--preserve=timestamps"])
            .arg(machine.dir())
            .arg(&copy)
            .status()
            .unwrap()
            .success()
    );
    let host = super::open_host(std::slice::from_ref(&copy), |_| {});
    let held = look_one(&host);
    assert_eq!(shapes(&held)[0], "0..20* 20..40+ 40..60+ 60..+");
    assert_eq!(held.chains.len(), 2, "{:?}", shapes(&held));
    let by_name =
        |name: &String| name.ends_with(&format!(".{}", fs::metadata(copy.join(name)).unwrap().ino()));
    assert!(pins(&copy).iter().all(by_name));
}

#[test]
fn what_a_crash_left_unfinished_ends_a_pin_before_it() {
    let whole = [batch(0, 1), batch(10, 1)].concat();
    let torn = batch(20, 1);
    let mut flipped = torn.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for tail in [&torn[..40], &torn[..torn.len() - 1], &flipped[..], &[0; 5000][..], &[][..]] {
        let machine = Machine::new();
        let mut broker = machine.partition(&tip("orders", 3));
        broker.append();
        broker.append();
        look(&machine.host());
        append(&broker.file(0), tail);
        fs::remove_dir_all(&broker.path).unwrap();
        let host = machine.host();
        let held = look_one(&host);
        assert_eq!(shapes(&held), ["0..20*"], "a tail of {} bytes", tail.len());
        assert_eq!(read(&held.chains[0]), whole);
        assert_eq!(held.chains[0].files[0].bytes, whole.len() as u64);
    }
}

#[test]
fn a_damaged_pin_is_kept_up_to_its_damage_and_the_damage_is_met() {
    let machine = Machine::new();
    let mut broker = machine.partition(&tip("orders", 3));
    let bytes = broker.fill(2).concat();
    look(&machine.host());
    let third = bytes.len() / 4;
    let mut damaged = bytes[..bytes.len() / 2].to_vec();
    damaged[third + 4..third + 30].fill(0x55);
    let path = broker.file(0);
    OpenOptions::new().write(true).open(path).unwrap().write_all(&damaged).unwrap();
    fs::remove_dir_all(&broker.path).unwrap();
    let held = look_one(&machine.host());
    assert_eq!(shapes(&held), ["20..40*", "0..10*"]);
    let mut source = held.chains[1].log.open(offset(0), None).unwrap();
    let mut outcome = Ok(None);
    for _ in 0..3 {
        outcome = source.next_run(1 << 20);
        if outcome.is_err() {
            break;
        }
    }
    outcome.unwrap_err();
}

#[test]
fn witnesses_outlive_the_process_and_may_be_forgotten() {
    let machine = Machine::with_dirs(2);
    let orders = tip("orders", 3);
    machine.partition(&orders).fill(1);
    let start = EpochStart { epoch: LeaderEpoch::new(1).unwrap(), start: offset(0) };
    let witness = Witness {
        tip: orders.clone(),
        newest: Stretch {
            bound: offset(20),
            epoch: LeaderEpoch::new(1).unwrap(),
            lineage: Lineage::new(vec![start]).unwrap(),
        },
        older: Vec::new(),
    };
    let mut lower = witness.clone();
    lower.newest.bound = offset(10);
    let host = machine.host();
    look(&host);
    host.remember(std::slice::from_ref(&witness)).unwrap();
    host.remember(&[lower]).unwrap();
    drop(host);
    let host = machine.host();
    assert_eq!(host.witnesses().unwrap(), [witness]);
    host.forget(&[orders]).unwrap();
    assert_eq!(host.witnesses().unwrap(), []);
}

#[test]
fn a_pin_that_cannot_be_read_costs_nothing_but_itself() {
    if !rustix::process::geteuid().is_root() {
        return beside_a_pin_that_cannot_be_read();
    }
    // Root reads everything: as another user, who is really refused.
    let temp = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(temp.path(), 0o777);
    let binary = temp.path().join("it");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    mode(&binary, 0o755);
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&binary)
        .args([
            "--exact",
            "host::after_restart::beside_a_pin_that_cannot_be_read",
            "--ignored",
            "--nocapture",
        ])
        .current_dir(temp.path())
        .env("TMPDIR", temp.path())
        .output()
        .expect("setpriv (util-linux) is needed to become another user");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "run as another user by a_pin_that_cannot_be_read_costs_nothing_but_itself"]
fn beside_a_pin_that_cannot_be_read() {
    let machine = Machine::new();
    let (orders, payments) = (tip("orders", 3), tip("payments", 0));
    let mut broker = machine.partition(&orders);
    broker.fill(4);
    look(&machine.host());
    broker.retain();
    broker.retain();
    let bad = pin_at(&machine, "0");
    machine.partition(&payments).fill(2);
    let may_read = |mode| fs::set_permissions(&bad, fs::Permissions::from_mode(mode)).unwrap();
    may_read(0);

    // A new process: nothing but the batches tells where pins of a log that went on end.
    let host = machine.host_with(|options| options.scan_interval = Duration::ZERO);
    let held_of = |tip| look(&host).into_iter().find(|held| held.tip == tip).unwrap();
    let held = held_of(orders.clone());
    assert!(held.unread.as_ref().is_some_and(|text| text.contains(".firnline-pin.")), "{:?}", held.unread);
    assert_eq!(shapes(&held), ["20..40* 40..60+ 60..80+ 80..+"]);
    assert_eq!(held_of(payments).unread, None);
    // Others are let go of as ever.
    host.release(&[held.chains[0].files[0].pin.clone().unwrap()]).unwrap();
    assert_eq!(shapes(&held_of(orders.clone())), ["40..60+ 60..80+ 80..+"]);

    // Each scan tries again.
    may_read(0o644);
    let held = held_of(orders);
    assert_eq!(held.unread, None);
    assert_eq!(shapes(&held), ["40..60+ 60..80+ 80..+", "0..20*"]);
}
