//! How a REST catalog is reached.

use crate::catalog::CatalogError;
use crate::catalog::auth::Auth;
use crate::catalog::http::{HttpError, HttpSettings, address};
use crate::catalog::sigv4::encode;
use crate::io::{FileIo, IoError};
use std::fmt;
use std::sync::Arc;

/// Opens the files of tables that lie outside of the warehouse: S3 Tables gives each table a bucket of its own.
pub trait OpenElsewhere: fmt::Debug + Send + Sync {
    /// The files of the bucket, or whatever else holds it, that this location lies in. Makes no request.
    fn open(&self, location: &str) -> Result<FileIo, IoError>;
}

/// Where a REST catalog is, and how to speak to it.
#[derive(Clone, Debug)]
pub struct RestSettings {
    /// Its address up to, and without, `/v1`: `https://glue.eu-central-1.amazonaws.com/iceberg`.
    pub uri: String,
    /// Which of its warehouses, where it has several: a name, an AWS account, the ARN of a table bucket.
    pub warehouse: Option<String>,
    /// What comes after `v1/` in its paths, where the catalog does not tell so itself.
    pub prefix: Option<String>,
    /// How it is shown who asks.
    pub auth: Auth,
    /// Where tables may lie besides the warehouse; `None` = nowhere, since a server then says which buckets our own
    /// credentials are used on.
    pub elsewhere: Option<Arc<dyn OpenElsewhere>>,
    /// Time limits and TLS.
    pub http: HttpSettings,
}

impl RestSettings {
    /// A catalog at an address, without authentication and with the defaults.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            warehouse: None,
            prefix: None,
            auth: Auth::None,
            elsewhere: None,
            http: HttpSettings::default(),
        }
    }

    pub(super) fn uri(&self) -> Result<String, HttpError> {
        let uri = address("catalog", &self.uri, &self.http)?;
        // Either way of writing it is meant.
        Ok(uri.strip_suffix("/v1").map(str::to_owned).unwrap_or(uri))
    }

    pub(super) fn config_url(&self) -> Result<String, HttpError> {
        let uri = self.uri()?;
        Ok(match &self.warehouse {
            Some(warehouse) => format!("{uri}/v1/config?warehouse={}", encode(warehouse, false)),
            None => format!("{uri}/v1/config"),
        })
    }
}

/// Settings with which nothing can be asked.
pub(crate) fn unusable(error: HttpError) -> CatalogError {
    CatalogError::Refused { doing: "set up the catalog".to_owned(), source: Box::new(error) }
}
