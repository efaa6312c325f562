//! How both legs are protected.

use tokio::sync::watch;

use crate::tls::{Tls, UpstreamTls};

/// TLS of both legs. What passes within is the broker's affair.
#[derive(Debug, Clone, Default)]
pub struct ProxySecurity {
    /// TLS of the ports that clients come to; a change holds for connections to come.
    pub tls: Option<watch::Receiver<Tls>>,
    /// TLS to brokers; likewise.
    pub upstream: Option<watch::Receiver<UpstreamTls>>,
    /// Whether the tier is filled from for clients, too, whom the brokers do not know by their own name.
    pub cold_for_all: bool,
}
