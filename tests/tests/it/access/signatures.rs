//! Shared access signatures and a wrong key, against the Azure emulator, which checks them as Azure does.

use firnline_tests::kafka::VERSIONS;
use firnline_tests::scratch;
use firnline_tests::stores::Azurite;
use firnline_tests::tier::Tier;

use crate::sources::{Source, reading_commands};

const FUTURE: &str = "2100-01-01T00:00:00Z";
const SAS: &str = "AZURE_STORAGE_SAS_TOKEN";

/// A fresh tier, and the same with a signature for these rights.
fn tier() -> (Tier, impl Fn(&str, &str) -> Tier) {
    let tier = Tier::azure("signature");
    let container = tier.url().split('/').nth(2).expect("a container").to_owned();
    let owner = tier.with_azure("AZURE_STORAGE_ACCOUNT_KEY", Azurite::KEY);
    (tier, move |rights, until| owner.with_azure(SAS, &Azurite::sas(&container, rights, until)))
}

#[test]
fn a_signature_that_has_expired_is_told_as_credentials() {
    let (_, with) = tier();
    let tier = with("rwdlc", "2020-01-01T00:00:00Z");
    for run in [tier.run(&["ls"]), Source::of(VERSIONS[0]).offload(&tier)] {
        let refused = run.finish().expect_code(3).expect_stderr("error[FIRN-S013]");
        refused.expect_stderr("the credentials were not accepted");
    }
}

#[test]
fn a_wrong_account_key_is_told_as_credentials() {
    let tier = Tier::azure("wrong").with_azure("AZURE_STORAGE_ACCOUNT_KEY", "bm90IHRoZSBrZXk=");
    for run in [tier.run(&["ls"]), Source::of(VERSIONS[0]).offload(&tier)] {
        run.finish().expect_code(3).expect_stderr("error[FIRN-S013]");
    }
}

#[test]
fn each_right_that_a_signature_lacks_is_named_and_a_later_run_mends() {
    let source = Source::of(VERSIONS[0]);
    let (tier, with) = tier();
    for (rights, missing) in [("rwdc", "l"), ("wdlc", "r"), ("rdl", "w")] {
        let refused = source.offload(&with(rights, FUTURE)).finish().expect_code(3);
        let refused = refused.expect_stderr("error[FIRN-S012]").expect_stderr("containers/blobs/");
        refused.expect_stderr(&format!("(in a SAS: `{missing}`)"));
    }
    // A writer that may not delete, as for S3.
    source.offload(&with("rwlc", FUTURE)).finish().expect_code(0);
    tier.run(&["verify", "--deep"]).finish().expect_code(0);

    let reader = with("rl", FUTURE);
    let target = scratch::directory("work");
    for command in reading_commands(target.path()) {
        reader.run(&command).finish().expect_code(0);
    }
    let refused = source.offload(&reader).finish().expect_code(3);
    refused.expect_stderr("error[FIRN-S012]").expect_stderr("(in a SAS: `w`)");
}
