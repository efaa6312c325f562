//! How long answers took.

use std::time::Duration;

use firnline_proxy::proxy::{ApiCounts, TOOK_UP_TO};

use super::names::Metric;
use super::shared::float;
use super::text::{Exposition, Label};

/// A histogram for each kind of request that was answered.
pub(super) fn durations(metric: &Metric, apis: &[ApiCounts], out: &mut Exposition) {
    let named: Vec<_> =
        apis.iter().filter(|api| api.requests > 0).map(|api| (api.api.to_string(), api)).collect();
    let rows = named.iter().map(|(name, api)| {
        (Label(name), api.took_up_to.map(float), float(api.requests), api.took.as_secs_f64())
    });
    out.histograms(metric, TOOK_UP_TO.map(|most: Duration| most.as_secs_f64()), rows);
}
