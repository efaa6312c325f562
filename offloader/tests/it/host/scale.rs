//! Ten thousand partitions: figures, by hand.
//!
//! `strace -c -f` before the command counts the system calls of the idle minute when `FIRNLINE_TEST_IDLE_SECONDS` is 60
//! and, for comparison, 0.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use super::{Machine, look, tip};

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "it measures real time")]
fn ten_thousand_partitions() {
    let machine = Machine::new();
    for partition in 0..10_000 {
        let tip = tip("a-topic-with-a-name-of-usual-length", partition);
        let dir = machine.dir().join(format!("{}-{partition}", tip.topic));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("partition.metadata"), format!("version: 0\ntopic_id: {}", tip.topic_id)).unwrap();
        for base in [0, 20, 40] {
            File::create(dir.join(format!("{base:020}.log"))).unwrap();
        }
    }
    for first in ["first look", "after a restart"] {
        let before = resident_kib();
        let host = machine.host();
        let started = Instant::now();
        let held = look(&host);
        println!("{first}: {:?} for {} partitions", started.elapsed(), held.len());
        drop(held);
        println!("  resident: {} bytes a partition", (resident_kib() - before) * 1024 / 10_000);
        let started = Instant::now();
        look(&host);
        println!("  idle look: {:?}", started.elapsed());
    }
    let seconds: u64 = std::env::var("FIRNLINE_TEST_IDLE_SECONDS").map_or(0, |text| text.parse().unwrap());
    let host = machine.host();
    look(&host);
    let before = cpu_ticks();
    for _ in 0..seconds {
        look(&host);
        std::thread::sleep(Duration::from_secs(1));
    }
    println!("idle for {seconds} s: {} ticks of 10 ms of CPU", cpu_ticks() - before);
}

fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
