//! What requests and stored bytes cost, from a dated list of prices.
//!
//! An estimate is an upper bound by list price: every attempt is counted as billed, and no discount or free tier is
//! known here. A price list is a TOML file; one for Amazon S3 in us-east-1 is built in, and its text says where its
//! numbers come from and of what date they are.

mod file;
#[cfg(test)]
mod tests;

use crate::counts::{RequestCounts, RequestKind};
use file::PriceFile;

/// The built-in list, as text: a file to copy and change.
pub const BUILT_IN: &str = include_str!("../../prices/aws-us-east-1.toml");

/// The prices of one provider in one region at one date.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceList {
    /// Who asks these prices, e.g. `Amazon S3 Standard`.
    pub provider: String,
    /// Where they hold, e.g. `us-east-1`.
    pub region: String,
    /// The day on which they held, `YYYY-MM-DD`.
    pub as_of: String,
    /// The currency of every price, e.g. `USD`.
    pub currency: String,
    /// Where the numbers were read.
    pub source: String,
    /// How many bytes the provider calls a gigabyte.
    pub gigabyte_bytes: u64,
    /// One gigabyte in the object store for a month.
    pub object_gigabyte_month: f64,
    /// One gigabyte of a broker's disk for a month, one copy.
    pub disk_gigabyte_month: f64,
    /// One thousand requests of the classes that providers bill apart.
    pub per_1000: RequestPrices,
    /// One gigabyte out of the store within the region.
    pub same_region_gigabyte: f64,
    /// One gigabyte from one availability zone to another, both directions counted.
    pub cross_zone_gigabyte: f64,
}

/// Prices of one thousand requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestPrices {
    /// Writes: put, create, update, and each request of a multipart upload.
    pub put: f64,
    /// Reads and look-ups.
    pub get: f64,
    /// Pages of listings.
    pub list: f64,
    /// Deletes and aborts.
    pub delete: f64,
}

/// What a piece of work and a month of what is stored come to, in the list's currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The requests made.
    pub requests: f64,
    /// The bytes read from the store, as transfer within the region.
    pub transfer: f64,
    /// The stored bytes, for one month.
    pub storage_month: f64,
}

/// Why a price file was refused.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// Not the TOML that a price file is made of.
    #[error("price file is not valid")]
    Syntax(#[source] Box<toml::de::Error>),
    /// A price that is negative or not a number.
    #[error("price {key} = {value} in the price file is not zero or more")]
    Price {
        /// The key in the file.
        key: &'static str,
        /// What stands there.
        value: f64,
    },
    /// A gigabyte of another size than 10^9 or 2^30 bytes.
    #[error("gigabyte_bytes = {0} in the price file is neither 1000000000 nor 1073741824")]
    Gigabyte(u64),
    /// A date that is not a day.
    #[error("as_of = {0:?} in the price file is not a date of the form YYYY-MM-DD")]
    Date(String),
}

impl PriceList {
    /// Reads a price file's text. Unknown and missing keys are errors, as is any price below zero.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let file: PriceFile = toml::from_str(text).map_err(|error| PriceError::Syntax(Box::new(error)))?;
        file.check()
    }

    /// Amazon S3 Standard in us-east-1, as of the date in the list.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the built-in price file is checked by a test")
    }

    /// `Amazon S3 Standard, us-east-1, 2026-09-01`: to be shown beside every amount.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}, {}, {}", self.provider, self.region, self.as_of)
    }

    /// What these requests cost, every attempt taken as billed.
    #[must_use]
    pub fn requests(&self, counts: &RequestCounts) -> f64 {
        RequestKind::ALL.into_iter().map(|kind| self.of(kind, counts.of(kind))).sum()
    }

    /// What so many requests of one kind cost.
    #[must_use]
    pub fn of(&self, kind: RequestKind, requests: u64) -> f64 {
        exact(requests) * self.per_1000.of(kind) / 1000.0
    }

    /// What `bytes` in the object store cost for one month.
    #[must_use]
    pub fn object_month(&self, bytes: u64) -> f64 {
        self.gigabytes(bytes) * self.object_gigabyte_month
    }

    /// What `bytes` on brokers' disks cost for one month, in `copies`.
    #[must_use]
    pub fn disk_month(&self, bytes: u64, copies: u32) -> f64 {
        self.gigabytes(bytes) * self.disk_gigabyte_month * f64::from(copies)
    }

    /// What this work cost, and what `stored_bytes` cost for a month.
    #[must_use]
    pub fn estimate(&self, counts: &RequestCounts, stored_bytes: u64) -> Estimate {
        Estimate {
            requests: self.requests(counts),
            transfer: self.gigabytes(counts.bytes_in) * self.same_region_gigabyte,
            storage_month: self.object_month(stored_bytes),
        }
    }

    fn gigabytes(&self, bytes: u64) -> f64 {
        exact(bytes) / exact(self.gigabyte_bytes)
    }
}

impl RequestPrices {
    fn of(&self, kind: RequestKind) -> f64 {
        match kind {
            RequestKind::Put
            | RequestKind::Create
            | RequestKind::Update
            | RequestKind::Begin
            | RequestKind::Part
            | RequestKind::Complete => self.put,
            RequestKind::Get | RequestKind::Head => self.get,
            RequestKind::List => self.list,
            RequestKind::Delete | RequestKind::Abort => self.delete,
        }
    }
}

/// Counts and sizes lie far below 2^53, above which the nearest `f64` is good enough for an estimate.
#[expect(clippy::cast_precision_loss, reason = "an estimate in money; see the doc")]
fn exact(number: u64) -> f64 {
    number as f64
}
