use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Result<StoreUrl, UrlError> {
    text.parse()
}

#[test]
fn every_form_is_understood_and_shown_canonically() {
    for (given, shown) in [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://my.bucket-1/kafka/prod/", "s3://my.bucket-1/kafka/prod"),
        ("gs://b_1/p", "gs://b_1/p"),
        ("az://container/p/q", "az://container/p/q"),
        ("file:///var/tier", "file:///var/tier"),
        ("/var/tier", "file:///var/tier"),
        ("tier", "tier"),
        ("./tier:2", "./tier:2"),
        ("C:tier", "C:tier"),
        ("memory:", "memory:"),
    ] {
        let url = parse(given).unwrap_or_else(|e| panic!("{given}: {e}"));
        assert_eq!(url.to_string(), shown);
        assert_eq!(parse(shown).expect(shown), url);
    }
    assert_eq!(parse("s3://b/x/y").expect("valid").prefix(), "x/y");
    assert_eq!(parse("/x/y").expect("valid").prefix(), "");
}

#[test]
fn wrong_addresses_name_the_fault_and_the_right_form() {
    for (given, expected) in [
        ("", "store address is empty; write s3://BUCKET/PREFIX, gs://"),
        ("s3://", "names no bucket; write s3://BUCKET/PREFIX"),
        ("s3:///prefix", "names no bucket; write s3://BUCKET/PREFIX"),
        ("az:///p", "names no container; write az://CONTAINER/PREFIX"),
        ("s3a://b/p", "unknown scheme `s3a`; write s3://BUCKET/PREFIX"),
        (
            "https://s3.eu-west-1.amazonaws.com/b",
            "unknown scheme `https`; write s3://BUCKET/PREFIX, with the endpoint",
        ),
        ("abfss://c@a.dfs.core.windows.net/", "write az://CONTAINER/PREFIX, with the account"),
        ("s3://user@bucket/p", "bucket `user@bucket` with '@' in it"),
        ("s3://b/a//c", "two slashes in a row"),
        ("s3://b/a/../c", "`.` or `..` segment"),
        ("s3://b/a?versionId=1", "`?` or `#`"),
        ("file://host/dir", "three slashes"),
        ("file:", "three slashes"),
        ("memory://x", "unknown scheme `memory`"),
    ] {
        let error = parse(given).expect_err(given);
        assert!(error.to_string().contains(expected), "{given}: {error}");
        assert_eq!(error.code().code, "FIRN-S001");
    }
}

proptest! {
    #[test]
    fn any_text_parses_or_errs_and_what_parses_round_trips(text in "\\PC{0,60}") {
        if let Ok(url) = parse(&text) {
            prop_assert_eq!(parse(&url.to_string()), Ok(url));
        }
    }

    #[test]
    fn any_sensible_cloud_address_parses(
        scheme in "s3|gs|az", bucket in "[a-z0-9][a-z0-9.-]{2,20}", prefix in "([a-zA-Z0-9._=-]{3,8}/){0,4}",
    ) {
        let url = parse(&format!("{scheme}://{bucket}/{prefix}"))?;
        prop_assert_eq!(url.prefix(), prefix.trim_end_matches('/'));
    }
}
