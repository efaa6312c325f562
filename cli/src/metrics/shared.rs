//! What all who work on a tier count.

use firnline_store::price::PriceList;
use firnline_store::{RequestCounts, RequestKind, RequestOutcome};

use super::names;
use super::text::{Exposition, Label};

/// Requests to the store, and what they cost.
pub(super) fn requests(made: &RequestCounts, prices: &PriceList, out: &mut Exposition) {
    let each = RequestKind::ALL.into_iter().flat_map(|kind| {
        RequestOutcome::ALL.into_iter().filter_map(move |outcome| {
            let count = made.with_outcome(kind, outcome);
            (count > 0).then(|| ([Label(kind.label()), Label(outcome.label())], float(count)))
        })
    });
    out.many(&names::REQUESTS, each);
    let seconds = RequestKind::ALL.map(|kind| ([Label(kind.label())], made.time(kind).as_secs_f64()));
    out.many(&names::REQUEST_SECONDS, seconds);
    out.one(&names::SENT_BYTES, float(made.bytes_out));
    out.one(&names::RECEIVED_BYTES, float(made.bytes_in));
    out.many(&names::REQUEST_COST, [([Label(&prices.currency)], prices.requests(made))]);
}

pub(super) fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' values are doubles")]
pub(super) fn float(value: u64) -> f64 {
    value as f64
}
