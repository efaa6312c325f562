//! Little space, and directories that links cannot reach, on small file systems mounted in a namespace of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use firnline_logdir::Reserve;
use firnline_offloader::{DirectoryOptions, Host as _};

use super::{Broker, batch_of, eventually, look, look_one, make_log_dir, open_host, pins, shapes, tip};

const DIR: &str = "FIRNLINE_TEST_MOUNTS";

/// Runs the ignored test `name` of this module where it may mount, with a directory of its own.
fn with_mounts(name: &str) {
    let temp = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let test = format!("host::pressure::{name}");
    let output = command
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--ignored", "--nocapture"])
        .env(DIR, temp.path())
        .output()
        .expect("unshare (util-linux) is needed to mount a small disk");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

fn mount(at: &Path, size: &str) {
    let options = format!("size={size}");
    let status = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).status();
    assert!(status.unwrap().success());
}

fn given() -> PathBuf {
    PathBuf::from(std::env::var(DIR).expect("set by the test that starts this one"))
}

#[test]
fn below_the_reserve_the_oldest_pins_give_way_and_are_noted() {
    with_mounts("on_a_disk_that_fills");
}

#[test]
#[ignore = "run where it may mount by below_the_reserve_the_oldest_pins_give_way_and_are_noted"]
fn on_a_disk_that_fills() {
    let disk = given().join("disk");
    fs::create_dir(&disk).unwrap();
    mount(&disk, "4m");
    let dirs = [make_log_dir(&disk.join("data"))];
    let reserve = 1_u64 << 20;
    let keeps = |options: &mut DirectoryOptions| options.reserve_bytes = reserve;
    let host = open_host(&dirs, keeps);
    let mut broker = Broker::create(&dirs[0], &tip("orders", 3), true);
    // 400 KiB a file: eight of them are more than what the reserve leaves.
    let fill = |broker: &mut Broker| {
        broker.append_bytes(&batch_of(broker.end, 1, 40 << 10));
        broker.end += 10;
        broker.roll();
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    for n in 1..=6 {
        fill(&mut broker);
        eventually("all is pinned", || !look(&host).is_empty() && pins(&dirs[0]).len() == n + 1);
        broker.retain();
    }
    let six = "0..10* 10..20* 20..30* 30..40* 40..50* 50..60* 60..+";
    eventually("all six are pins alone", || shapes(&look_one(&host)) == [six]);
    assert_eq!(host.given_way().unwrap(), []);
    fill(&mut broker);
    fill(&mut broker);
    let held = look_one(&host);
    assert!(host.space().unwrap()[0].free >= reserve, "{:?}", host.space());
    let five = "10..20* 20..30* 30..40* 40..50* 50..60* 60..70+ 70..80+ 80..+";
    eventually("the oldest gave way", || shapes(&look_one(&host)) == [five]);
    let given = host.given_way().unwrap();
    assert_eq!(given.len(), 1, "{given:?}");
    assert_eq!((given[0].topic_id, given[0].partition), (held.tip.topic_id, held.tip.partition));
    assert_eq!((given[0].range.start().get(), given[0].range.end().get()), (0, 10));
    assert_eq!(host.given_way().unwrap(), []);
    drop(host);

    // The sidecar is dead, the broker writes on until nothing is free; its guard, and another that runs at the same
    // time, keep the reserve: what the broker itself has is never touched.
    let hog = dirs[0].join("hog");
    fs::write(&hog, vec![1; 700 << 10]).unwrap();
    let removed: usize = std::thread::scope(|scope| {
        let guard = || Reserve::new(&dirs[0], reserve).unwrap().keep().unwrap().gave_way.len();
        let guards = [scope.spawn(guard), scope.spawn(guard)];
        guards.into_iter().map(|guard| guard.join().unwrap()).sum()
    });
    assert_eq!(removed, 2, "one after the other looks, and the second finds enough");
    assert!([60, 70, 80].iter().all(|base| broker.file(*base).exists()));
    let host = open_host(&dirs, keeps);
    let ends: Vec<_> = host.given_way().unwrap().iter().map(|given| given.range.end().get()).collect();
    assert_eq!(ends, [10, 20, 30], "told again after a restart");
    assert_eq!(shapes(&look_one(&host)), ["30..40* 40..50* 50..60* 60..70+ 70..80+ 80..+"]);

    // Not a byte is free, not even for the note: the broker comes first all the same.
    drop(host);
    let mut size = fs::metadata(&hog).unwrap().len();
    let mut hog = fs::OpenOptions::new().append(true).open(&hog).unwrap();
    while std::io::Write::write_all(&mut hog, &[1; 4096]).is_ok() {
        size += 4096;
    }
    assert!(size > 700 << 10);
    let kept = Reserve::new(&dirs[0], reserve).unwrap().keep().unwrap();
    assert_eq!((kept.before.free, kept.gave_way.len(), kept.short), (0, 3, false));
    let ends: Vec<_> = kept.gave_way.iter().map(|given| given.range.end().get()).collect();
    assert_eq!(ends, [40, 50, 60]);
    let told = Reserve::new(&dirs[0], reserve).unwrap().untold().unwrap().pins;
    assert!(told.ends_with(&kept.gave_way), "{told:?}");
}

#[test]
fn what_is_still_read_of_a_pin_that_gave_way_counts_as_free() {
    with_mounts("with_an_upload_under_way");
}

#[test]
#[ignore = "run where it may mount by what_is_still_read_of_a_pin_that_gave_way_counts_as_free"]
fn with_an_upload_under_way() {
    let disk = given().join("disk");
    fs::create_dir(&disk).unwrap();
    mount(&disk, "4m");
    let dir = make_log_dir(&disk.join("data"));
    let host = open_host(std::slice::from_ref(&dir), |_| {});
    let mut broker = Broker::create(&dir, &tip("orders", 3), true);
    for n in 1..=6 {
        broker.append_bytes(&batch_of(broker.end, 1, 40 << 10));
        broker.end += 10;
        broker.roll();
        eventually("both of its files are pinned", || !look(&host).is_empty() && pins(&dir).len() == n + 1);
        broker.retain();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    eventually("all six are pins alone", || pins(&dir).len() == 7);
    let oldest = pins(&dir).into_iter().map(|name| dir.join(name));
    let oldest = oldest.min_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).unwrap();
    let reading = fs::File::open(&oldest).unwrap();
    let free = Reserve::new(&dir, 0).unwrap().space().unwrap().free;
    // 200 KiB too little: one file of 400 KiB is enough.
    let reserve = Reserve::new(&dir, free + (200 << 10)).unwrap();
    let gave_way = |reserve: &Reserve| reserve.keep().unwrap().gave_way.len();
    assert_eq!(gave_way(&reserve), 1);
    assert!(!oldest.exists());
    assert_eq!(gave_way(&reserve), 0, "it will be free once it was read");
    assert!(reserve.space().unwrap().free <= free, "and is not yet");
    // The broker writes on: more is missing than what will come.
    fs::write(dir.join("hog"), vec![1; 400 << 10]).unwrap();
    assert_eq!(gave_way(&reserve), 1);
    drop(reading);
    assert_eq!(gave_way(&reserve), 0);
    // A reserve that would have to wait for more than half of itself does not.
    let pins: Vec<_> = pins(&dir).into_iter().map(|name| fs::File::open(dir.join(name)).unwrap()).collect();
    let free = reserve.space().unwrap().free;
    let reserve = Reserve::new(&dir, free + (100 << 10)).unwrap();
    assert_eq!(gave_way(&reserve), 1);
    assert_eq!(gave_way(&reserve), 0);
    fs::write(dir.join("more"), vec![1; usize::try_from(free).unwrap() - (300 << 10)]).unwrap();
    assert!(gave_way(&reserve) > 0, "the disk fills: the broker does not wait");
    drop(pins);
}

#[test]
fn a_partition_on_another_mount_is_named_and_the_others_are_pinned() {
    with_mounts("with_a_mount_inside");
}

#[test]
#[ignore = "run where it may mount by a_partition_on_another_mount_is_named_and_the_others_are_pinned"]
fn with_a_mount_inside() {
    let data = given().join("data");
    fs::create_dir(&data).unwrap();
    // The log dir itself may well be a mount point.
    mount(&data, "4m");
    fs::remove_dir(&data).unwrap_err();
    let dirs = [make_log_dir(&data.join("kafka"))];
    let inside = dirs[0].join("clicks-0");
    fs::create_dir(&inside).unwrap();
    mount(&inside, "1m");
    fs::write(
        inside.join("partition.metadata"),
        format!("version: 0\ntopic_id: {}", tip("clicks", 0).topic_id),
    )
    .unwrap();
    fs::write(inside.join("00000000000000000000.log"), b"").unwrap();
    Broker::create(&dirs[0], &tip("orders", 0), true).fill(1);
    let host = open_host(&dirs, |_| {});
    let held: Vec<_> =
        look(&host).iter().map(|held| (held.tip.topic.to_string(), shapes(held).concat())).collect();
    assert!(held.contains(&("clicks".to_owned(), "0..".to_owned())), "{held:?}");
    assert!(held.contains(&("orders".to_owned(), "0..20+ 20..+".to_owned())), "{held:?}");
    let problems = host.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(host.lasting_problems(), problems);
    assert!(
        problems[0].1.contains("mount the log dir as a whole, not a partition inside it"),
        "{problems:?}"
    );
    assert_eq!(pins(&dirs[0]).len(), 2);
}
