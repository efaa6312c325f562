//! Damaged logs: what is good goes on, what is bad stays out, and the pass after the mending completes it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use firnline_index::TopicIdPartition;
use firnline_logdir::fixture::PartitionOptions;
use firnline_offloader::{HoleInLog, Holes, Problem, run_once};

use super::*;
use crate::world::{Writer, offset};

/// Spoils one file of `orders-0`, which has four of nine offsets each, and shows that the partition is taken up to `end`
/// and not beyond, that `users-0` goes on, and that a sound copy of the file mends it all.
async fn taken_up_to(end: i64, file: i64, spoil: impl Fn(&Path), says_so: &[&str]) {
    let mut disk = Disk::new();
    let (dir, files) = disk.orders(4);
    disk.write(&named("users", 0), &files);
    let path = segment(&dir, file);
    let sound = fs::read(&path).unwrap();
    spoil(&path);
    let report = disk.pass().await;
    let problem = problem(&report);
    assert!(!problem.is_passing(), "{problem:?}");
    says(&chain(problem), says_so);
    let orders = &report.partitions[0];
    assert_eq!((orders.tip.topic.as_str(), orders.tier_end.map_or(0, |end| end.get())), ("orders", end));
    let good: Vec<u8> = files[..usize::try_from(end / 9).unwrap()].concat().concat();
    assert_eq!(disk.stored(&named("orders", 0)).await, good);
    assert_eq!(disk.stored(&named("users", 0)).await, sealed(&files));
    fs::write(&path, sound).unwrap();
    assert!(disk.pass().await.is_complete());
    assert_eq!(disk.stored(&named("orders", 0)).await, sealed(&files));
}

fn cut(path: &Path, bytes: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
}

#[tokio::test]
async fn a_sealed_segment_that_ends_inside_a_batch_stays_out() {
    let says_so = ["00000000000000000009.log", "is damaged at position", "5 bytes short"];
    taken_up_to(9, 9, |path| cut(path, 5), &says_so).await;
}

#[tokio::test]
async fn an_empty_sealed_segment_is_a_hole() {
    let says_so = ["no records 18..27", "a segment file is missing"];
    taken_up_to(18, 18, |path| fs::write(path, "").unwrap(), &says_so).await;
}

#[tokio::test]
async fn a_missing_segment_is_a_hole() {
    let says_so = ["no records 9..18", "a segment file is missing"];
    taken_up_to(0, 9, |path| fs::remove_file(path).unwrap(), &says_so).await;
}

#[tokio::test]
async fn a_flipped_bit_in_a_records_value_is_found_by_kafkas_checksum() {
    let spoil = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[100] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    taken_up_to(9, 9, spoil, &["orders-0/00000000000000000009.log", "at position 0", "crc"]).await;
}

#[tokio::test]
async fn a_bit_flipped_anywhere_in_a_segment_keeps_it_out() {
    let mut disk = Disk::new();
    let (dir, files) = disk.orders(3);
    let path = segment(&dir, 9);
    let sound = fs::read(&path).unwrap();
    fs::rename(&path, disk.temp.path().join("aside")).unwrap();
    fs::write(&path, "").unwrap();
    let _first_file = disk.pass().await;
    let tier = disk.tier().await;
    let (first, last) = (0..files[1][0].len(), sound.len() - files[1][2].len()..sound.len());
    // No checksum of Kafka's covers offset, length, epoch and magic: there, each bit of the first and of the last batch.
    let bare = |byte: &usize| byte - if last.contains(byte) { last.start } else { 0 } < 17;
    for byte in first.chain(last.clone()) {
        let bits = if bare(&byte) { 0..8 } else { byte % 8..byte % 8 + 1 };
        for bit in bits {
            let mut bytes = sound.clone();
            bytes[byte] ^= 1 << bit;
            fs::write(&path, bytes).unwrap();
            let report = run_once(&disk.inputs(&tier)).await.unwrap();
            assert!(report.partitions[0].problem.is_some(), "bit {bit} of byte {byte}");
            assert_eq!(report.partitions[0].tier_end, Some(offset(9)), "bit {bit} of byte {byte}");
        }
    }
    fs::write(&path, sound).unwrap();
    assert!(disk.pass().await.is_complete());
    assert_eq!(disk.stored(&named("orders", 0)).await, sealed(&files));
}

#[tokio::test]
async fn holes_are_taken_where_the_operator_allows_them() {
    let mut disk = Disk::new();
    let (dir, files) = disk.orders(4);
    fs::write(segment(&dir, 9), "").unwrap();
    let tier = disk.tier().await;
    let mut inputs = disk.inputs(&tier);
    let report = run_once(&inputs).await.unwrap();
    let mut cause: &dyn Error = problem(&report);
    while let Some(next) = cause.source() {
        cause = next;
    }
    assert_eq!(cause.downcast_ref::<HoleInLog>().unwrap().missing.start(), offset(9));
    inputs.policy.holes = Holes::Allow;
    assert!(run_once(&inputs).await.unwrap().is_complete());
    assert_eq!(disk.stored(&named("orders", 0)).await, [files[0].concat(), files[2].concat()].concat());
}

#[tokio::test]
async fn an_unclean_end_leaves_a_torn_tail_that_is_never_taken() {
    let mut disk = Disk::new();
    let files = plain(4);
    let tip = named("orders", 0);
    let mut writer = disk.dirs[0].partition(&tip, offset(0), PartitionOptions::default()).unwrap();
    for (number, file) in files.iter().enumerate() {
        if number > 0 {
            writer.roll().unwrap();
        }
        file.iter().for_each(|batch| writer.append(batch).unwrap());
    }
    let dir = writer.path().to_owned();
    // Neither checkpoints nor the mark of a proper end are written, and the last batch is not whole.
    drop(writer);
    let torn = [files[3].concat(), files[3][0][..40].to_vec()].concat();
    fs::write(segment(&dir, 27), torn).unwrap();
    assert!(!dir.join("leader-epoch-checkpoint").exists());
    assert!(!disk.log_dir().join(".kafka_cleanshutdown").exists());
    let report = disk.pass().await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(disk.stored(&tip).await, sealed(&files));
    // The tail is looked at where the tier reaches into it, and is no damage then either.
    fs::remove_file(segment(&dir, 18)).unwrap();
    fs::rename(segment(&dir, 27), segment(&dir, 18)).unwrap();
    fs::write(segment(&dir, 18), [files[2].concat(), files[3].concat(), vec![0; 5]].concat()).unwrap();
    let report = disk.pass().await;
    assert!(report.is_complete() && report.committed().next().is_none(), "{report:?}");
}

/// Cuts a file when so many bytes of the log were read.
#[derive(Debug)]
struct Cuts {
    path: PathBuf,
    when: u64,
    read: AtomicU64,
}

impl Progress for Cuts {
    fn read(&self, _tip: &TopicIdPartition, bytes: u64) {
        let before = self.read.fetch_add(bytes, Ordering::SeqCst);
        if before < self.when && before + bytes >= self.when {
            cut(&self.path, 1000);
        }
    }
}

#[tokio::test]
async fn a_segment_that_shrinks_while_it_is_read_is_taken_by_a_later_pass() {
    let mut writer = Writer { next: 0, epoch: 0 };
    let mut file = |batches: usize| (0..batches).map(|_| writer.data(1, 400_000, None)).collect::<Vec<_>>();
    let files = vec![file(16), file(1)];
    let length: u64 = files[0].iter().map(|batch| batch.len() as u64).sum();
    // At once, in the middle, and when everything was read.
    for when in [1, length / 2, length] {
        let mut disk = Disk::new();
        let tip = named("orders", 0);
        let dir = disk.write(&tip, &files);
        let path = segment(&dir, 0);
        let sound = fs::read(&path).unwrap();
        let report = disk.watched(Cuts { path: path.clone(), when, read: AtomicU64::new(0) }).await;
        let problem = problem(&report);
        assert!(matches!(problem, Problem::Upload { .. }) && problem.is_passing(), "{problem:?}");
        says(&chain(problem), &["00000000000000000000.log", "changed while it was read"]);
        assert!(report.committed().next().is_none());
        assert!(disk.stored(&tip).await.is_empty());
        assert!(segments(&disk).is_empty(), "what was sent did not become an object");
        // A later pass finds a sealed file that ends inside a batch, and says so, until the file is whole again.
        let report = disk.pass().await;
        assert!(!report.is_complete() && disk.stored(&tip).await.is_empty());
        OpenOptions::new().write(true).truncate(true).open(&path).unwrap().write_all(&sound).unwrap();
        assert!(disk.pass().await.is_complete());
        assert_eq!(disk.stored(&tip).await, sealed(&files));
    }
}

/// The segment objects in the store.
fn segments(disk: &Disk) -> Vec<PathBuf> {
    tree(&disk.tier_path()).into_keys().filter(|path| path.extension().is_some_and(|e| e == "seg")).collect()
}
