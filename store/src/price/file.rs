//! The price file's own shape, apart from the type that the rest uses.

use super::{PriceError, PriceList, RequestPrices};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceFile {
    provider: String,
    region: String,
    as_of: String,
    currency: String,
    source: String,
    gigabyte_bytes: u64,
    storage: Storage,
    requests_per_1000: Requests,
    transfer: Transfer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Storage {
    object_gigabyte_month: f64,
    disk_gigabyte_month: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requests {
    put: f64,
    get: f64,
    list: f64,
    delete: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    same_region_gigabyte: f64,
    cross_zone_gigabyte: f64,
}

impl PriceFile {
    pub(super) fn check(self) -> Result<PriceList, PriceError> {
        let Self {
            provider,
            region,
            as_of,
            currency,
            source,
            gigabyte_bytes,
            storage,
            requests_per_1000,
            transfer,
        } = self;
        let Requests { put, get, list, delete } = requests_per_1000;
        for (key, value) in [
            ("storage.object_gigabyte_month", storage.object_gigabyte_month),
            ("storage.disk_gigabyte_month", storage.disk_gigabyte_month),
            ("requests_per_1000.put", put),
            ("requests_per_1000.get", get),
            ("requests_per_1000.list", list),
            ("requests_per_1000.delete", delete),
            ("transfer.same_region_gigabyte", transfer.same_region_gigabyte),
            ("transfer.cross_zone_gigabyte", transfer.cross_zone_gigabyte),
        ] {
            if !value.is_finite() || value < 0.0 {
                return Err(PriceError::Price { key, value });
            }
        }
        if ![1_000_000_000, 1 << 30].contains(&gigabyte_bytes) {
            return Err(PriceError::Gigabyte(gigabyte_bytes));
        }
        if !is_day(&as_of) {
            return Err(PriceError::Date(as_of));
        }
        Ok(PriceList {
            provider,
            region,
            as_of,
            currency,
            source,
            gigabyte_bytes,
            object_gigabyte_month: storage.object_gigabyte_month,
            disk_gigabyte_month: storage.disk_gigabyte_month,
            per_1000: RequestPrices { put, get, list, delete },
            same_region_gigabyte: transfer.same_region_gigabyte,
            cross_zone_gigabyte: transfer.cross_zone_gigabyte,
        })
    }
}

/// `YYYY-MM-DD` with a month and a day that can be.
fn is_day(text: &str) -> bool {
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    shape && ("01"..="12").contains(&&text[5..7]) && ("01"..="31").contains(&&text[8..10])
}
