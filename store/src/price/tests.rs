use super::*;
use crate::counts::{Counters, RequestOutcome};
use std::time::Duration;

fn counts(of: &[(RequestKind, u64)]) -> RequestCounts {
    let counters = Counters::default();
    for (kind, n) in of {
        for _ in 0..*n {
            counters.request(*kind, RequestOutcome::Ok, Duration::ZERO);
        }
    }
    counters.snapshot()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-9)
}

#[test]
fn built_in_list_is_dated_and_named() {
    let list = PriceList::built_in();
    assert_eq!(list.label(), "Amazon S3 Standard, us-east-1, 2026-09-01");
    assert_eq!(list.currency, "USD");
    assert!(list.source.starts_with("https://"));
}

#[test]
fn a_segment_of_one_gibibyte_costs_what_the_estimate_page_says() {
    let list = PriceList::built_in();
    let upload = counts(&[
        (RequestKind::Get, 2),
        (RequestKind::Begin, 1),
        (RequestKind::Part, 64),
        (RequestKind::Complete, 1),
        (RequestKind::Update, 1),
    ]);
    let estimate = list.estimate(&upload, 1 << 30);
    assert!(close(estimate.requests, 67.0 * 0.005 / 1000.0 + 2.0 * 0.0004 / 1000.0), "{estimate:?}");
    assert!(close(estimate.storage_month, 0.023), "{estimate:?}");
    assert!(close(estimate.transfer, 0.0), "{estimate:?}");
}

#[test]
fn every_kind_of_request_has_the_price_of_its_class() {
    let text = BUILT_IN
        .replace("put = 0.005", "put = 1000.0")
        .replace("get = 0.0004", "get = 10.0")
        .replace("list = 0.005", "list = 100.0")
        .replace("delete = 0.0", "delete = 1.0");
    let list = PriceList::parse(&text).expect("still a price file");
    for kind in RequestKind::ALL {
        let expected = match kind {
            RequestKind::Get | RequestKind::Head => 0.01,
            RequestKind::List => 0.1,
            RequestKind::Delete | RequestKind::Abort => 0.001,
            _ => 1.0,
        };
        assert!(close(list.requests(&counts(&[(kind, 1)])), expected), "{kind:?}");
    }
}

#[test]
fn three_copies_on_disk_are_counted_three_times() {
    let list = PriceList::built_in();
    let ten_tib = 10 << 40;
    assert!(close(list.disk_month(ten_tib, 3), 10_240.0 * 0.08 * 3.0));
    assert!(close(list.object_month(ten_tib), 10_240.0 * 0.023));
}

#[test]
fn decimal_gigabytes_are_smaller() {
    let text = BUILT_IN.replace("1_073_741_824", "1_000_000_000");
    let list = PriceList::parse(&text).expect("a provider may count so");
    assert!(close(list.object_month(1_000_000_000), 0.023));
}

#[test]
fn bad_files_are_refused_with_the_key() {
    let refused = |from: &str, to: &str| {
        let text = BUILT_IN.replace(from, to);
        assert_ne!(text, BUILT_IN, "{from} stands in the file");
        let error = PriceList::parse(&text).expect_err("refused");
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        format!("{error} {cause}")
    };
    for (from, to, part) in [
        ("get = 0.0004", "get = -1.0", "requests_per_1000.get = -1"),
        ("get = 0.0004", "get = nan", "requests_per_1000.get = NaN"),
        ("put = 0.005", "put = inf", "requests_per_1000.put = inf"),
        ("put = 0.005", "puts = 0.005", "unknown field `puts`"),
        ("currency = \"USD\"\n", "", "missing field `currency`"),
        ("1_073_741_824", "1024", "gigabyte_bytes = 1024"),
        ("2026-09-01", "2026-13-01", "as_of = \"2026-13-01\""),
        ("2026-09-01", "September", "as_of = \"September\""),
        ("2026-09-01", "2026-09-0ü", "as_of"),
    ] {
        let text = refused(from, to);
        assert!(text.contains(part), "{text} does not say {part}");
    }
}
