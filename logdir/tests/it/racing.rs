//! A directory that is listed while a broker is at work in it.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use firnline_logdir::{PartitionDir, RefusedReason};

use crate::support::{Fixture, tip};

const LISTINGS: usize = 300;
const ATTEMPTS: usize = 20_000;

/// Rolls and deletes in threes, as retention does, for as long as it is asked to. Each file begins ten above the one before.
fn work(dir: &Path, stop: &AtomicBool) {
    let name = |n: i64| dir.join(format!("{:020}.log", n * 10));
    let (mut first, mut next) = (0, 1);
    while !stop.load(Ordering::Relaxed) {
        while next - first < 9 {
            File::create(name(next)).unwrap();
            next += 1;
        }
        let oldest = first..first + 3;
        first += 3;
        for n in oldest.clone() {
            fs::rename(name(n), name(n).with_extension("log.deleted")).unwrap();
        }
        for n in oldest {
            fs::remove_file(name(n).with_extension("log.deleted")).unwrap();
        }
    }
}

#[test]
fn no_file_is_missing_between_two_that_are_listed() {
    let fixture = Fixture::new(1, 100, 10_000);
    let stop = AtomicBool::new(false);
    let mut whole = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| work(&fixture.dir, &stop));
        let mut torn = None;
        for _ in 0..ATTEMPTS {
            if whole == LISTINGS || torn.is_some() {
                break;
            }
            let orders = tip("orders", 3);
            match PartitionDir::read(&fixture.dir, &orders.topic, orders.partition) {
                Ok(found) => {
                    whole += 1;
                    let bases: Vec<i64> = found.segments.iter().map(|segment| segment.base.get()).collect();
                    torn = (!bases.windows(2).all(|pair| pair[1] == pair[0] + 10)).then_some(bases);
                }
                // A broker as busy as this one need not ever let it be seen whole.
                Err(RefusedReason::Changing) => {}
                Err(error) => panic!("{error}"),
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(torn, None);
    });
    assert!(whole > 0, "it was never seen whole");
    assert!(!fixture.segment(0).exists(), "nobody was at work");
}
