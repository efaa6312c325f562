//! Logs that are in order, or nearly, and look as if they were not.

use std::sync::Arc;

use firnline_index::TimestampMs;
use firnline_index::keys::ObjectKey;
use firnline_offloader::Problem;
use firnline_records::encode::{BatchBuilder, NewRecord};
use firnline_tier::check::CheckDepth;

use super::*;
use crate::world::{Writer, offset};

/// 9999-12-31T23:59:59.999Z.
const LAST_MS: i64 = 253_402_300_799_999;

#[tokio::test]
async fn an_epoch_that_goes_back_stops_before_the_files_that_may_be_damaged_with_both_epochs() {
    let mut disk = Disk::new();
    let mut writer = Writer { next: 0, epoch: 5 };
    let file = |epoch: i32| {
        writer.epoch = epoch;
        vec![writer.data(3, 10, None)]
    };
    let files = [5, 5, 4, 4].map(file);
    disk.write(&named("orders", 0), &files);
    let report = disk.pass().await;
    let Problem::Upload { from, source } = problem(&report) else { panic!("{report:?}") };
    assert_eq!(*from, offset(3));
    assert!(source.is_damage(), "{source:?}");
    says(&chain(problem(&report)), &["offset 6", "epoch 5", "epoch 4", "one of the two is damaged"]);
    assert_eq!(disk.stored(&named("orders", 0)).await, files[0].concat());
    // The same within one file.
    let mut disk = Disk::new();
    let files = vec![files[1..3].concat(), files[3].clone()];
    disk.write(&named("orders", 0), &files);
    let report = disk.pass().await;
    says(&chain(problem(&report)), &["00000000000000000003.log", "epoch"]);
    assert!(disk.stored(&named("orders", 0)).await.is_empty());
}

#[tokio::test]
async fn a_log_that_was_truncated_below_the_tiers_end_and_written_anew_is_not_taken_for_its_continuation() {
    let tip = named("orders", 0);
    let mut disk = Disk::new();
    let mut writer = Writer { next: 0, epoch: 5 };
    let common = vec![writer.data(3, 10, None)];
    let cut = vec![writer.data(3, 10, None), writer.data(3, 10, None)];
    disk.write(&tip, &[common.clone(), cut.clone(), vec![writer.data(3, 10, None)]]);
    assert!(disk.pass().await.is_complete());
    let before = disk.stored(&tip).await;
    // Another leader had only what was common, and goes on from there; its batches end where the tier does.
    for together in [true, false] {
        let mut other = Disk::new();
        std::mem::swap(&mut other.temp, &mut disk.temp);
        let home = other.another(if together { "together" } else { "apart" });
        other.dirs.remove(0);
        let mut writer = Writer { next: 3, epoch: 6 };
        let anew = vec![writer.data(3, 20, None), writer.data(3, 20, None)];
        let next = vec![writer.data(3, 20, None)];
        let last = vec![writer.data(3, 20, None)];
        // The tier's end inside a file, or where one begins.
        let files = if together {
            vec![[common.clone(), anew, next].concat(), last]
        } else {
            vec![common.clone(), anew, next, last]
        };
        other.write(&tip, &files);
        let report = other.pass().await;
        let Problem::Upload { from, .. } = problem(&report) else { panic!("{report:?} {home:?}") };
        assert_eq!(*from, offset(9));
        says(&chain(problem(&report)), &["diverged", "offset 9", "epoch 6", "epoch 5"]);
        assert_eq!(other.stored(&tip).await, before);
        std::mem::swap(&mut other.temp, &mut disk.temp);
    }
}

fn timed(base: i64, timestamps: &[Option<i64>]) -> Bytes {
    let mut batch = BatchBuilder::new(offset(base));
    for at in timestamps {
        let timestamp = at.map(|at| TimestampMs::new(at).unwrap());
        batch.push(NewRecord { timestamp, key: None, value: Some(b"v"), headers: &[] }).unwrap();
    }
    batch.build().unwrap().into()
}

#[tokio::test]
async fn no_timestamp_and_the_year_9999_are_taken_as_they_are() {
    let mut disk = Disk::new();
    let none = vec![timed(0, &[None, None])];
    let far = vec![timed(2, &[Some(0), Some(LAST_MS)])];
    let files = vec![none, far, vec![timed(4, &[None])]];
    let tip = named("orders", 0);
    disk.write(&tip, &files);
    assert!(disk.pass().await.is_complete());
    assert_eq!(disk.stored(&tip).await, sealed(&files));
    let tier = disk.tier().await;
    let head = tier.manifest(&tip).await.unwrap().unwrap().manifest;
    let latest: Vec<_> = head.entries.iter().map(|entry| entry.max_timestamp.map(TimestampMs::get)).collect();
    assert_eq!(latest, [None, Some(LAST_MS)]);
    assert!(tier.check(vec![tip], CheckDepth::Content, 1, &|_| {}).await.is_clean());
}

#[tokio::test]
async fn a_topic_of_249_characters_comes_into_a_store_whose_names_are_shorter() {
    let topic = "a-b.c_d-delete".repeat(20)[..249].to_owned();
    let tip = named(&topic, 12345);
    let mut disk = Disk::new();
    let files = plain(3);
    disk.write(&tip, &files);
    assert!(disk.pass().await.is_complete());
    assert_eq!(disk.stored(&tip).await, sealed(&files));
    let tier = disk.tier().await;
    let topics = tier.topics().await.unwrap();
    assert_eq!(topics.iter().map(|known| known.topic.as_str()).collect::<Vec<_>>(), [topic.as_str()]);
    assert_eq!(tier.partitions(&topics[0]).await.unwrap(), std::slice::from_ref(&tip));
    for entry in tier.manifest(&tip).await.unwrap().unwrap().manifest.entries.iter() {
        let key = entry.object_key(&tip);
        assert!(key.split('/').all(|part| part.len() <= 255), "{key}");
        assert!(matches!(key.parse(), Ok(ObjectKey::Segment { tip: parsed, .. }) if parsed == tip), "{key}");
    }
}

#[tokio::test]
async fn many_small_partitions_in_two_directories_come_in_side_by_side() {
    let mut disk = Disk::new();
    let files = plain(3);
    for partition in 0..20 {
        if partition == 10 {
            disk.another("data2");
        }
        disk.write(&named("orders", partition), &files);
    }
    let tier = disk.tier().await;
    let inputs = PassInputs { progress: Arc::new(Silent), ..disk.inputs(&tier) };
    let report = run_once(&inputs).await.unwrap();
    assert!(report.is_complete());
    let partitions: Vec<i32> = report.partitions.iter().map(|p| p.tip.partition.get()).collect();
    assert_eq!(partitions, (0..20).collect::<Vec<_>>());
    for partition in 0..20 {
        assert_eq!(disk.stored(&named("orders", partition)).await, sealed(&files));
    }
}
