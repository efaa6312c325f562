//! Against what AWS has published: its signature version 4 test suite, and the worked example of its signing guide.

use super::*;
use proptest::prelude::*;

const UNRESERVED: &str = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DATE: &str = "20150830T123600Z";
const HOST: (&str, &str) = ("Host", "example.amazonaws.com");
const FORM: &[(&str, &str)] = &[("Content-Type", "application/x-www-form-urlencoded")];
const UTF8_FORM: &[(&str, &str)] = &[("Content-Type", "application/x-www-form-urlencoded; charset=utf8")];

fn keys() -> AwsKeys {
    AwsKeys {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
        session_token: None,
    }
}

fn signed(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> (String, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut all = vec![HOST, ("X-Amz-Date", DATE)];
    all.extend_from_slice(headers);
    let request = Signable { method, path, query, headers: &all, body: body.as_bytes() };
    let scope = Scope { region: "us-east-1", service: "service", date: DATE };
    let value = authorization(request, scope, &keys());
    let rest = value
        .strip_prefix(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=",
        )
        .expect("the scope of the test suite");
    let (names, signature) = rest.split_once(", Signature=").expect("a signature");
    (names.to_owned(), signature.to_owned())
}

/// Name, method, target, further headers, body; signed headers and signature.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
    &'static str,
);

#[test]
fn every_request_of_the_published_suite_gets_its_published_signature() {
    let date = "host;x-amz-date";
    #[rustfmt::skip]
    let suite: [Case; 15] = [
        ("get-vanilla", "GET", "/", &[], "", date, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("get-vanilla-query", "GET", "/?", &[], "", date, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("get-vanilla-empty-query-key", "GET", "/?Param1=value1", &[], "", date, "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        ("get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", &[], "", date, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("get-vanilla-utf8-query", "GET", "/?ሴ=bar", &[], "", date, "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        ("get-utf8", "GET", "/ሴ", &[], "", date, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("get-unreserved", "GET", UNRESERVED, &[], "", date, "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        ("get-space-unnormalized", "GET", "/example space/", &[], "", date, "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        ("get-header-value-trim", "GET", "/", &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")], "", "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        ("post-vanilla", "POST", "/", &[], "", date, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("post-vanilla-query", "POST", "/?Param1=value1", &[], "", date, "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
        ("post-header-key-sort", "POST", "/", &[("My-Header1", "value1")], "", "host;my-header1;x-amz-date", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
        ("post-header-value-case", "POST", "/", &[("My-Header1", "VALUE1")], "", "host;my-header1;x-amz-date", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"),
        ("post-x-www-form-urlencoded", "POST", "/", FORM, "Param1=value1", "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
        ("post-x-www-form-urlencoded-parameters", "POST", "/", UTF8_FORM, "Param1=value1", "content-type;host;x-amz-date", "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"),
    ];
    for (name, method, target, headers, body, names, signature) in suite {
        assert_eq!(signed(method, target, headers, body), (names.to_owned(), signature.to_owned()), "{name}");
    }
}

#[test]
fn the_worked_example_of_the_signing_guide_is_met() {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("host", "iam.amazonaws.com"),
        ("x-amz-date", DATE),
    ];
    let query = "Action=ListUsers&Version=2010-05-08";
    let request = Signable { method: "GET", path: "/", query, headers: &headers, body: b"" };
    let scope = Scope { region: "us-east-1", service: "iam", date: DATE };
    assert_eq!(
        hex(&signing_key(keys().secret_access_key.expose(), "20150830", scope)),
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    );
    assert_eq!(
        authorization(request, scope, &keys()),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    );
}

#[test]
fn values_of_one_name_are_joined_in_their_order() {
    let headers = canonical_headers(&[("B", "2"), ("a", "x"), ("b", "1"), ("B", "2")]);
    assert_eq!(headers, [("a".to_owned(), "x".to_owned()), ("b".to_owned(), "2,1,2".to_owned())]);
}

#[test]
fn a_path_that_is_encoded_already_is_encoded_again_and_a_query_is_not() {
    assert_eq!(encode("/v1/arn%3Aaws/tables/a%1Fb", true), "/v1/arn%253Aaws/tables/a%251Fb");
    assert_eq!(canonical_query("warehouse=arn%3aaws&empty&odd=%zz"), "empty=&odd=%25zz&warehouse=arn%3Aaws");
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (ms, text) in [
        (0, "19700101T000000Z"),
        (1_440_938_160_000, DATE),
        (1_709_164_800_999, "20240229T000000Z"),
        (951_782_400_000, "20000229T000000Z"),
        (-1, "19691231T235959Z"),
        (4_102_444_799_000, "20991231T235959Z"),
    ] {
        assert_eq!(amz_date(ms), text);
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_again(text in ".{0,40}") {
        prop_assert_eq!(decode(&encode(&text, false)), text.into_bytes());
    }

    #[test]
    fn decoding_takes_any_text(text in "[%0-9a-zé]{0,20}") {
        decode(&text);
    }
}
