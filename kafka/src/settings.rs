//! What a client is made of, as values.

use std::time::Duration;

use firnline_index::ClusterId;

use crate::address::Address;
use crate::security::Security;

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Brokers to begin with, at least one. Further ones are learnt.
    pub bootstrap: Vec<Address>,
    /// Who we are and how the brokers prove who they are.
    pub security: Security,
    /// The cluster that each broker must belong to; `None` takes any, and then each broker's word for it.
    pub cluster_id: Option<ClusterId>,
    /// What brokers show in their logs and quotas for us.
    pub client_id: String,
    /// How long opening a connection may take, login included.
    pub connect_timeout: Duration,
    /// How long the answer to a request may take.
    pub request_timeout: Duration,
    /// Connections open at once; past it the one that has idled longest goes.
    pub max_connections: usize,
    /// The longest answer taken. An answer with 10,000 partitions has less than one MiB.
    pub max_answer_bytes: usize,
    /// The longest wait between two attempts to reach a broker that cannot be reached.
    pub max_backoff: Duration,
}

/// Settings that no client can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No broker to begin with.
    #[error("no bootstrap broker is given")]
    NoBootstrap,
    /// A limit of nothing.
    #[error("{what} must be at least {least}")]
    TooSmall {
        /// The setting.
        what: &'static str,
        /// The smallest value that works.
        least: &'static str,
    },
}

impl ClientSettings {
    /// Plaintext and without a login, with the usual limits.
    #[must_use]
    pub fn new(bootstrap: Vec<Address>) -> Self {
        Self {
            bootstrap,
            security: Security::default(),
            cluster_id: None,
            client_id: "firnline".to_owned(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(15),
            max_connections: 128,
            max_answer_bytes: 32 * 1024 * 1024,
            max_backoff: Duration::from_secs(10),
        }
    }

    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let too_small = |what, least| Err(SettingsError::TooSmall { what, least });
        if self.bootstrap.is_empty() {
            return Err(SettingsError::NoBootstrap);
        }
        if self.max_connections == 0 {
            return too_small("the number of connections", "1");
        }
        if self.max_answer_bytes < 64 * 1024 {
            return too_small("the longest answer", "64 KiB");
        }
        if self.connect_timeout.is_zero() || self.request_timeout.is_zero() {
            return too_small("a timeout", "one millisecond");
        }
        Ok(())
    }
}
