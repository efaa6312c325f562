use super::*;
use ::http::Response;

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let (parts, ()) = response.body(()).expect("valid").into_parts();
    let mut answer = Answer::default();
    answer.head(&parts);
    answer.body(body.as_bytes());
    answer
}

fn kind(answer: Answer) -> FaultKind {
    let error = object_store::Error::Generic { store: "test", source: "folded".into() };
    answer.into_fault(error).kind
}

fn coded(status: u16, code: &str) -> FaultKind {
    kind(answer(status, &[], &format!("<Error><Code>{code}</Code><Message>m</Message></Error>")))
}

#[test]
fn code_says_more_than_status() {
    for (status, code, expected) in [
        (409, "ConditionalRequestConflict", FaultKind::Busy),
        (409, "BlobAlreadyExists", FaultKind::Condition),
        (409, "SomethingNew", FaultKind::Conflict),
        (404, "NoSuchBucket", FaultKind::NoBucket),
        (404, "NoSuchUpload", FaultKind::NoUpload),
        (404, "NoSuchKey", FaultKind::NotFound),
        (400, "ExpiredToken", FaultKind::Unauthenticated),
        (403, "RequestTimeTooSkewed", FaultKind::ClockSkew),
        (403, "AccessDenied", FaultKind::Denied),
        (400, "BadDigest", FaultKind::Corrupted),
        (400, "RequestTimeout", FaultKind::Lost),
        (200, "InternalError", FaultKind::Server),
        (503, "SlowDown", FaultKind::Overloaded),
        (507, "XMinioStorageFull", FaultKind::Full),
        (418, "Teapot", FaultKind::Rejected),
    ] {
        assert_eq!(coded(status, code), expected, "{status} {code}");
    }
}

#[test]
fn azure_tells_its_code_in_a_header() {
    assert_eq!(kind(answer(409, &[("x-ms-error-code", "BlobAlreadyExists")], "")), FaultKind::Condition);
    assert_eq!(kind(answer(400, &[("x-ms-error-code", "InvalidBlockList")], "")), FaultKind::NoUpload);
}

#[test]
fn azure_tells_a_refused_signature_apart_from_a_missing_right() {
    let body = |message: &str, detail: &str| {
        format!("<Error><Message>{message}\nRequestId:4711\nTime:now</Message>{detail}</Error>")
    };
    let signature = body("Server failed to authenticate the request.", "");
    for code in ["AuthenticationFailed", "AuthorizationFailure"] {
        let refused = answer(403, &[("x-ms-error-code", code)], &signature);
        assert_eq!(kind(refused), FaultKind::Unauthenticated, "{code}");
    }
    let network = body("This request is not authorized to perform this operation.", "");
    for code in ["AuthorizationFailure", "AuthorizationPermissionMismatch"] {
        assert_eq!(kind(answer(403, &[("x-ms-error-code", code)], &network)), FaultKind::Denied, "{code}");
    }
    let detail =
        "<AuthenticationErrorDetail>Signature not valid in the time frame</AuthenticationErrorDetail>";
    let expired = answer(403, &[], &body("Server failed to authenticate the request.", detail));
    let told = "Server failed to authenticate the request. Signature not valid in the time frame";
    assert_eq!(expired.message.as_deref(), Some(told), "without the lines of the request's id and time");
}

#[test]
fn batch_is_what_its_only_part_says() {
    let mut denied = answer(202, &[], "");
    denied.batch(
        b"--x\r\nContent-ID: 0\r\n\r\nHTTP/1.1 403 No\r\nx-ms-error-code: AuthorizationFailure\r\n\r\n",
    );
    assert_eq!(kind(denied), FaultKind::Denied);
    let mut absent = answer(202, &[], "");
    absent.batch(b"--x\r\n\r\nHTTP/1.1 404 Gone\r\nX-MS-Error-Code: BlobNotFound\r\n\r\n");
    assert_eq!(kind(absent), FaultKind::NotFound);
}

#[test]
fn region_comes_from_header_or_body() {
    let there = Some("eu-west-1".to_owned());
    let header = answer(301, &[("x-amz-bucket-region", "eu-west-1")], "");
    assert_eq!(kind(header), FaultKind::WrongRegion { region: there.clone() });
    let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
    assert_eq!(kind(answer(400, &[], body)), FaultKind::WrongRegion { region: there });
}

#[test]
fn what_was_never_sent_is_told_apart_from_what_was_lost() {
    let ended = |transport| Answer { transport: Some(transport), ..Answer::default() };
    assert_eq!(kind(ended(Transport::Unsent)), FaultKind::Unsent);
    assert_eq!(kind(ended(Transport::Lost)), FaultKind::Lost);
    assert_eq!(kind(Answer { asked_elsewhere: true, ..Answer::default() }), FaultKind::Unauthenticated);
    assert_eq!(kind(Answer::default()), FaultKind::Rejected);
}

#[test]
fn composite_checksum_says_nothing_of_the_whole() {
    let told = ("x-amz-checksum-crc64nvme", "rosUhgp5mIg=");
    let whole = Some(StoreChecksum::Crc64Nvme(0xae8b_1486_0a79_9888));
    assert_eq!(answer(200, &[told], "").checksum, whole);
    assert_eq!(answer(200, &[told, ("x-amz-checksum-type", "FULL_OBJECT")], "").checksum, whole);
    assert_eq!(answer(200, &[told, ("x-amz-checksum-type", "COMPOSITE")], "").checksum, None);
    let google = answer(200, &[("x-goog-hash", "md5=x,crc32c=4waSgw==")], "");
    assert_eq!(google.checksum, Some(StoreChecksum::Crc32c(0xe306_9283)));
    for garbage in ["", "!!", "AAAA", "rosUhgp5mIgAAAAA"] {
        assert_eq!(answer(200, &[("x-amz-checksum-crc64nvme", garbage)], "").checksum, None);
    }
}

#[test]
fn pause_that_a_store_asks_for_is_bounded() {
    assert_eq!(answer(503, &[("retry-after", "7")], "").retry_after, Some(Duration::from_secs(7)));
    assert_eq!(answer(503, &[("retry-after", "99999999")], "").retry_after, Some(RETRY_AFTER_MAX));
    assert_eq!(answer(503, &[("retry-after", "tomorrow")], "").retry_after, None);
}
