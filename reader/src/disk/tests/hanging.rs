//! A disk that does not answer.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;

use super::super::limits::Limits;
use super::super::{Disk, Wish};
use super::{key, payload};
use crate::settings::Workers;
use crate::tasks::Tasks;

async fn until(mut done: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not come to pass");
}

async fn disk(dir: PathBuf, tasks: &Tasks) -> Disk {
    let disk = Disk::with_limits(dir, Limits::of_slabs(1 << 20, 64 << 10), Workers::Threads, tasks);
    until(|| disk.stats().on).await;
    disk
}

async fn read(disk: &Disk, number: u32) -> Option<Bytes> {
    let wish = Wish { key: key(number), length: 100 };
    disk.get(vec![wish], |_, bytes| Ok(bytes)).await.pop().flatten()
}

#[tokio::test]
async fn a_read_that_hangs_is_left_and_the_disk_is_left_alone_until_it_is_back() {
    let (temp, tasks) = (tempfile::tempdir().unwrap(), Tasks::default());
    let disk = disk(temp.path().join("cache"), &tasks).await;
    disk.put(vec![(key(1), Bytes::from(payload(1, 100)))], 100);
    until(|| disk.stats().records == 1).await;
    assert_eq!(read(&disk, 1).await, Some(Bytes::from(payload(1, 100))));

    let (release, held) = mpsc::channel::<()>();
    assert_eq!(disk.in_time(move || held.recv().is_err()).await, None, "nobody waits for ever");
    assert_eq!(disk.stats().slow, 1);
    assert!(!disk.knows(&key(1)));
    assert_eq!(read(&disk, 1).await, None, "a miss, at once");
    disk.put(vec![(key(2), Bytes::from(payload(2, 100)))], 100);
    drop(release);
    until(|| disk.knows(&key(1))).await;
    assert_eq!(read(&disk, 1).await, Some(Bytes::from(payload(1, 100))));
    assert_eq!(disk.stats().records, 1, "what came meanwhile was not written");
    tasks.stop().await;
}

#[tokio::test]
async fn what_comes_faster_than_the_disk_takes_it_is_dropped_and_counted() {
    let (temp, tasks) = (tempfile::tempdir().unwrap(), Tasks::default());
    let disk = disk(temp.path().join("cache"), &tasks).await;
    // The task cannot run before this one waits.
    for number in 0..5 {
        disk.put(vec![(key(number), Bytes::from(payload(number, 100)))], super::super::WAITING_BYTES / 4);
    }
    assert_eq!(disk.stats().refused_busy, 1);
    until(|| disk.stats().records == 4).await;
    disk.put(vec![(key(9), Bytes::from(vec![0; 64 << 10]))], 64 << 10);
    assert_eq!(disk.stats().refused_large, 1);
    assert_eq!(disk.shared.hanging.load(Ordering::Relaxed), 0);
    tasks.stop().await;
}
