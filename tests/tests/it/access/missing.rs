//! One right missing at a time: the error names it, nothing is half-done, and with the right back a later run mends.

use firnline_tests::kafka::{Codec, VERSIONS, workload};
use firnline_tests::scratch;
use firnline_tests::stores::Minio;

use super::{actions, objects, tier, unfinished, user_without};
use crate::sources::{Source, reading_commands};

const ABORT: &str = "s3:AbortMultipartUpload";

#[test]
fn each_right_that_offload_lacks_is_named_and_a_later_run_mends() {
    let source = Source::of(VERSIONS[0]);
    let needed = actions("writer");
    assert_eq!(needed, ["s3:ListBucket", "s3:GetObject", "s3:PutObject", ABORT]);
    for missing in needed.iter().filter(|action| *action != ABORT) {
        let (place, tier) = tier("one-missing");
        let refused = source.offload(&tier.as_user(&user_without("writer", missing, &place))).finish();
        let refused = refused.expect_code(3).expect_stderr("error[FIRN-S012]");
        refused.expect_stderr(&format!("this takes `{missing}` on `arn:aws:s3:::{}", bucket(&place)));
        assert!(objects(&place).is_empty(), "without {missing} nothing was written");

        let writer = tier.as_user(&Minio::shared().user("writer", &place));
        source.offload(&writer).finish().expect_code(0);
        tier.run(&["verify", "--deep"]).finish().expect_code(0);
    }
}

#[test]
fn each_right_that_a_reading_command_lacks_is_named() {
    let (place, tier) = tier("one-missing");
    Source::of(VERSIONS[0]).offload(&tier).finish().expect_code(0);
    let needed = actions("reader");
    assert_eq!(needed, ["s3:ListBucket", "s3:GetObject"]);
    for missing in &needed {
        let reader = tier.as_user(&user_without("reader", missing, &place));
        let target = scratch::directory("work");
        for command in reading_commands(target.path()) {
            let refused = reader.run(&command).finish().expect_code(3).expect_stderr("error[FIRN-S012]");
            refused.expect_stderr(&format!("this takes `{missing}` on"));
        }
        let restored = std::fs::read_dir(target.path()).expect("list the target").count();
        assert_eq!(restored, 0, "without {missing} nothing was restored");
    }
}

#[test]
fn an_upload_that_breaks_off_without_the_right_to_abort_says_what_stays_behind() {
    let source = Source::of(VERSIONS[0]);
    // Large enough for parts, and damaged only where the first parts are on their way.
    let (topic, partition) = (workload::codec_topic(Codec::None), 0);
    let damaged = source.grown_copy(&topic, partition, 24 << 20, Some(22 << 20));
    let run = |tier: &firnline_tests::tier::Tier| {
        let log_dir = damaged.path().to_str().expect("a path of ours is text");
        tier.run(&["offload", "--once", "--assume-committed", "--log-dir", log_dir]).finish()
    };

    let (place, tier) = tier("no-abort");
    let refused = run(&tier.as_user(&user_without("writer", ABORT, &place))).expect_code(1);
    let refused = refused.expect_stderr("FIRN-L003").expect_stderr("could not be aborted");
    refused.expect_stderr(&format!("this takes `{ABORT}` on `arn:aws:s3:::{place}/{topic}."));
    assert!(!unfinished(&place).is_empty(), "its parts are still there");

    let (place, tier) = super::tier("abort");
    let aborted = run(&tier.as_user(&Minio::shared().user("writer", &place))).expect_code(1);
    let aborted = aborted.expect_stderr("FIRN-L003");
    assert!(!aborted.stderr().contains("could not be aborted"), "{}", aborted.stderr());
    assert_eq!(unfinished(&place), Vec::<String>::new(), "with the right nothing stays");
}

fn bucket(place: &str) -> &str {
    place.split('/').next().expect("a bucket")
}
