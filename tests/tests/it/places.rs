//! Buckets that are missing, empty, of others, of another cluster or a newer build, and a store that cannot be trusted.

use std::path::Path;
use std::process::Command;

use firnline_tests::firnline::Run;
use firnline_tests::kafka::VERSIONS;
use firnline_tests::scratch;
use firnline_tests::stores::{Conditions, Gateway, Minio};
use firnline_tests::tier::Tier;

use crate::access::objects;
use crate::sources::Source;

/// A fresh bucket and a tier in it.
fn tier(purpose: &str) -> (String, Tier) {
    let minio = Minio::shared();
    let bucket = minio.bucket(purpose);
    let tier = Tier::s3(&format!("s3://{bucket}/tier"), &minio.endpoint(), &Minio::root());
    (bucket, tier)
}

/// Puts an object beneath the tier's prefix.
fn put(bucket: &str, key: &str, bytes: &[u8]) {
    let directory = scratch::directory("work");
    let file = directory.path().join("object");
    std::fs::write(&file, bytes).expect("write the object");
    let file = file.to_str().expect("a path of ours is text");
    Minio::shared().mc(&["cp", "--quiet", file, &format!("firnline/{bucket}/tier/{key}")]);
}

fn read_and_write(tier: &Tier) -> [Run; 2] {
    [tier.run(&["ls"]), Source::of(VERSIONS[0]).offload(tier)]
}

#[test]
fn a_bucket_that_does_not_exist_is_named() {
    let minio = Tier::s3("s3://nobody-made-this/tier", &Minio::shared().endpoint(), &Minio::root());
    let azure = Tier::azure("beside").at("az://nobody-made-this/tier");
    let gcs = Tier::gcs("beside").at("gs://nobody-made-this/tier");
    for tier in [minio, azure, gcs] {
        for run in read_and_write(&tier) {
            run.finish().expect_code(3).expect_stderr("error[FIRN-S011]").expect_stderr(tier.url());
        }
    }
}

#[test]
fn an_empty_bucket_is_told_to_readers_and_taken_by_a_writer() {
    let (_, tier) = tier("empty");
    let [read, write] = read_and_write(&tier);
    read.finish().expect_code(2).expect_stderr("error[FIRN-T001]").expect_stderr(tier.url());
    write.finish().expect_code(0);
    tier.run(&["verify"]).finish().expect_code(0);
}

#[test]
fn a_bucket_with_objects_of_others_is_refused_and_not_written_to() {
    let (bucket, tier) = tier("others");
    put(&bucket, "holiday/photo.jpg", b"x");
    let before = objects(&bucket);
    for run in read_and_write(&tier) {
        run.finish().expect_code(4).expect_stderr("error[FIRN-T004]").expect_stderr("holiday/photo.jpg");
    }
    assert_eq!(objects(&bucket), before);
}

#[test]
fn a_marker_that_is_not_ours_is_damage_and_not_overwritten() {
    let (bucket, tier) = tier("marker");
    put(&bucket, "firnline.json", b"{\"name\": \"of something else\"}\n");
    let before = objects(&bucket);
    for run in read_and_write(&tier) {
        let refused = run.finish().expect_code(1).expect_stderr("error[FIRN-T020]");
        refused.expect_stderr("firnline.json").expect_stderr("was not written by firnline");
    }
    assert_eq!(objects(&bucket), before);
}

#[test]
fn a_newer_format_is_refused_with_both_versions() {
    let (bucket, tier) = tier("newer");
    let text = "{\n  \"v\": 0,\n  \"format\": 7,\n  \"cluster_id\": \"x\",\n  \"max_manifest_age_ms\": 60000";
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, text.as_bytes());
    put(&bucket, "firnline.json", format!("{text},\n  \"checksum\": \"crc32c:{crc:08x}\"\n}}\n").as_bytes());
    let before = objects(&bucket);
    for run in read_and_write(&tier) {
        let refused = run.finish().expect_code(3).expect_stderr("error[FIRN-T002]");
        refused.expect_stderr("has format 7; this build reads up to 1");
    }
    assert_eq!(objects(&bucket), before);
}

#[test]
fn the_tier_of_another_cluster_is_refused_with_both_ids_and_not_written_to() {
    let source = Source::of(VERSIONS[0]);
    let (bucket, tier) = tier("cluster");
    source.offload(&tier).finish().expect_code(0);
    let before = objects(&bucket);

    let other = scratch::directory("work");
    copy(&source.cluster.log_dir(), other.path());
    let meta = other.path().join("meta.properties");
    let text = std::fs::read_to_string(&meta).expect("read meta.properties");
    let ours =
        text.lines().find_map(|line| line.strip_prefix("cluster.id=")).expect("a cluster id").to_owned();
    let theirs = "SomeOtherCluster000001";
    std::fs::write(&meta, text.replace(&ours, theirs)).expect("write meta.properties");
    let log_dir = other.path().to_str().expect("a path of ours is text");
    let run = tier.run(&["offload", "--once", "--assume-committed", "--log-dir", log_dir]);
    let refused = run.finish().expect_code(4).expect_stderr("error[FIRN-T003]");
    refused.expect_stderr(&ours).expect_stderr(theirs).expect_stderr(tier.url());
    assert_eq!(objects(&bucket), before);
}

/// MinIO keeps conditions; behind a gateway that drops them it is a store that does not.
#[test]
fn a_store_that_ignores_conditions_is_not_written_to() {
    let (bucket, _) = tier("careless");
    let minio = Minio::shared();
    minio.mc(&["anonymous", "set", "public", &format!("firnline/{bucket}")]);
    let through = |conditions| {
        let gateway = Gateway::start(minio.port(), conditions);
        Tier::s3(&format!("s3://{bucket}/tier"), &gateway.endpoint(), &Minio::root()).unsigned()
    };
    let source = Source::of(VERSIONS[0]);
    let refused = source.offload(&through(Conditions::Lost)).finish().expect_code(4);
    let refused = refused.expect_stderr("error[FIRN-S040]").expect_stderr("must not be written to");
    refused.expect_stderr("of two creates of the same key, not exactly one won");
    assert!(objects(&bucket).is_empty(), "the probe cleaned up: {:?}", objects(&bucket));

    let kept = through(Conditions::Kept);
    source.offload(&kept).finish().expect_code(0);
    kept.run(&["verify", "--deep"]).finish().expect_code(0);
    // A tier that stands there already is not written to either, and can still be read.
    let before = objects(&bucket);
    let lost = through(Conditions::Lost);
    source.offload(&lost).finish().expect_code(4).expect_stderr("error[FIRN-S040]");
    lost.run(&["verify", "--deep"]).finish().expect_code(0);
    assert_eq!(objects(&bucket), before);
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().expect("run cp");
    assert!(status.success(), "copy {}", from.display());
}
