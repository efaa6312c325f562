//! Each policy file gives its door all that it needs, and nothing that it must not have.

use firnline_store::{ErrorKind, Store, StoreError, UpdateOutcome};
use firnline_tests::kafka::VERSIONS;
use firnline_tests::scratch;
use firnline_tests::stores::{Conditions, Gateway, Minio, S3User};

use super::{objects, tier};
use crate::sources::{Source, reading_commands};
use crate::stores::open_s3;

#[test]
fn the_writer_policy_is_enough_to_offload_and_again() {
    let source = Source::of(VERSIONS[0]);
    let (place, tier) = tier("writer");
    let writer = tier.as_user(&Minio::shared().user("writer", &place));
    source.offload(&writer).finish().expect_code(0);
    source.offload(&writer).finish().expect_code(0);
    tier.run(&["verify", "--deep"]).finish().expect_code(0);
}

#[test]
fn every_reading_command_works_with_the_reader_policy_and_asks_for_no_write() {
    let (place, tier) = tier("reader");
    let gateway = Gateway::start(Minio::shared().port(), Conditions::Kept);
    Source::of(VERSIONS[0]).offload(&tier.through(&gateway.endpoint())).finish().expect_code(0);
    assert!(gateway.requests().iter().any(|asked| asked.starts_with("PUT ")), "the gateway sees writes");
    let before = objects(&place);
    let reader = tier.as_user(&Minio::shared().user("reader", &place)).through(&gateway.endpoint());
    let target = scratch::directory("work");
    for command in reading_commands(target.path()) {
        let asked = gateway.requests().len();
        reader.run(&command).finish().expect_code(0);
        let asked = gateway.requests().split_off(asked);
        assert!(!asked.is_empty(), "{command:?} went past the gateway");
        let writes: Vec<_> =
            asked.iter().filter(|asked| !asked.starts_with("GET ") && !asked.starts_with("HEAD ")).collect();
        assert!(writes.is_empty(), "{command:?} asked for {writes:?}");
    }
    assert_eq!(objects(&place), before);
}

#[test]
fn a_reader_cannot_offload_and_is_told_which_right_is_missing() {
    let (place, tier) = tier("refused");
    let reader = tier.as_user(&Minio::shared().user("reader", &place));
    let refused = Source::of(VERSIONS[0]).offload(&reader).finish().expect_code(3);
    refused.expect_stderr("FIRN-S012").expect_stderr("this takes `s3:PutObject` on");
    assert!(objects(&place).is_empty(), "nothing was written");
}

#[tokio::test]
async fn what_each_door_must_not_do_is_refused_by_the_store() {
    let (place, tier) = tier("doors");
    Source::of(VERSIONS[0]).offload(&tier).finish().expect_code(0);
    let segments =
        tier.run(&["ls", "--segments", "--json", "payments/0"]).finish().expect_code(0).json_lines();
    let segment = segments[0]["object_key"].as_str().expect("a key").to_owned();
    let manifest = format!("{}/manifest", segment.rsplit_once('/').expect("a directory").0);
    let door = |door: &str| open(&place, Minio::shared().user(door, &place));

    let reader = door("reader");
    lacks("s3:PutObject", reader.put_unique("x.seg", &b"x"[..]).await);
    lacks("s3:DeleteObject", reader.delete(&segment).await);

    let writer = door("writer");
    lacks("s3:DeleteObject", writer.delete(&segment).await);
    lacks("s3:DeleteObject", writer.delete(&manifest).await);

    let retention = door("retention");
    lacks("s3:PutObject", retention.put_unique(&segment.replace(".seg", "-2.seg"), &b"x"[..]).await);
    let marker = retention.get("firnline.json").await.expect("it may read");
    lacks("s3:PutObject", retention.update("firnline.json", marker.bytes, &marker.version).await);
    lacks("s3:DeleteObject", retention.delete("firnline.json").await);
    lacks("s3:DeleteObject", retention.delete(&manifest).await);

    // And what retention is for: probe as every writer does, commit a manifest, delete what it no longer names.
    let able = retention.probe().await.expect("it may write where it has to");
    assert!(able.can_delete && able.can_list, "{able:?}");
    let found = retention.get(&manifest).await.expect("it may read");
    let committed = retention.update(&manifest, found.bytes, &found.version).await.expect("it may commit");
    assert!(matches!(committed, UpdateOutcome::Updated(_)), "{committed:?}");
    tier.run(&["verify", "--deep"]).finish().expect_code(0);
    retention.delete(&segment).await.expect("it may delete segments");
    let found = tier.run(&["verify"]).finish().expect_code(1).expect_stderr("error[FIRN-T022]");
    assert!(String::from_utf8_lossy(found.stdout()).contains(&segment), "verify names what is missing");
}

fn open(place: &str, user: S3User) -> Store {
    open_s3(&format!("s3://{place}"), &Minio::shared().endpoint(), user)
}

#[track_caller]
fn lacks<T>(right: &str, result: Result<T, StoreError>) {
    let Err(error) = result else { panic!("{right} was given") };
    assert_eq!(*error.kind(), ErrorKind::Denied, "{error}");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(cause.contains(&format!("this takes `{right}` on `arn:aws:s3:::")), "{cause}");
}
