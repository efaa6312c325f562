//! What can go wrong between us and a broker.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::{ClusterId, NodeId};

use crate::address::Address;
use crate::security::Mechanism;
use crate::wire::{Api, Code, ProtocolError};

/// Why there is no connection to a broker that requests could be sent on.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No TCP connection.
    #[error("no connection to {address}")]
    Tcp {
        /// The broker.
        address: Address,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error("{address} was not ready for requests within {limit:?}")]
    TimedOut {
        /// The broker.
        address: Address,
        /// How long we waited.
        limit: Duration,
    },
    /// We speak plaintext, the port TLS.
    #[error("{address} speaks TLS and we do not: set the protocol to SSL or SASL_SSL")]
    SpeaksTls {
        /// The broker.
        address: Address,
    },
    /// We speak TLS, the port does not.
    #[error("{address} ended the TLS handshake without a word: it may speak plaintext")]
    NotTls {
        /// The broker.
        address: Address,
        /// The system's or TLS' words.
        #[source]
        source: io::Error,
    },
    /// The broker's certificate does not prove who it is.
    #[error("the certificate of {address} is not accepted: {why}")]
    Certificate {
        /// The broker.
        address: Address,
        /// What is wrong with it and what to do.
        why: String,
        /// TLS' words.
        #[source]
        source: io::Error,
    },
    /// The broker ends TLS with an alert: it does not take our certificate, or misses one.
    #[error("{address} does not accept our certificate, or misses one")]
    OurCertificate {
        /// The broker.
        address: Address,
        /// TLS' words.
        #[source]
        source: io::Error,
    },
    /// Any other failure of TLS.
    #[error("no TLS connection to {address}")]
    Tls {
        /// The broker.
        address: Address,
        /// TLS' words.
        #[source]
        source: io::Error,
    },
    /// The broker closed the connection.
    #[error("{address} closed the connection when asked for {api}: {hint}")]
    Closed {
        /// The broker.
        address: Address,
        /// The request.
        api: Api,
        /// What that often means.
        hint: &'static str,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The broker offers other logins.
    #[error("{address} offers no login by {mechanism}, only by {offered}")]
    Mechanism {
        /// The broker.
        address: Address,
        /// Ours.
        mechanism: Mechanism,
        /// The broker's.
        offered: String,
    },
    /// The broker refuses the login.
    #[error("{address} refuses the login by {mechanism}: {message}")]
    Login {
        /// The broker.
        address: Address,
        /// Ours.
        mechanism: Mechanism,
        /// The broker's words.
        message: String,
    },
    /// The broker's part of a SCRAM login is wrong, as when it does not know the password.
    #[error("{address} does not keep to {mechanism}: {what}")]
    Scram {
        /// The broker.
        address: Address,
        /// Ours.
        mechanism: Mechanism,
        /// What is wrong.
        what: String,
    },
    /// There is no password or token to log in with.
    #[error("no password or token for the login at {address}")]
    Secret {
        /// The broker.
        address: Address,
        /// The words of where it should have come from.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The broker is of another cluster.
    #[error("{address} belongs to cluster {found}, expected {expected}")]
    OtherCluster {
        /// The broker.
        address: Address,
        /// The cluster asked for.
        expected: ClusterId,
        /// The broker's.
        found: String,
    },
    /// The broker's answer is none.
    #[error("{address} answers {api} wrongly")]
    Protocol {
        /// The broker.
        address: Address,
        /// The request.
        api: Api,
        /// What is wrong.
        #[source]
        source: ProtocolError,
    },
    /// The broker answers with an error.
    #[error("{address} answers {api} with {code}")]
    Code {
        /// The broker.
        address: Address,
        /// The request.
        api: Api,
        /// The error.
        code: Code,
    },
}

impl ConnectError {
    /// Whether the broker does not accept who we are: asking another one will not help.
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        matches!(
            self,
            Self::OurCertificate { .. } | Self::Login { .. } | Self::Mechanism { .. } | Self::Secret { .. }
        )
    }
}

/// Why a request has no answer. Cheap to clone, as one failure often answers for many partitions.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RequestError {
    /// No connection.
    #[error("{address} cannot be asked")]
    Connect {
        /// The broker.
        address: Address,
        /// Why; after a failure the same answer stands until the next attempt is due.
        #[source]
        source: Arc<ConnectError>,
    },
    /// No answer in time.
    #[error("{address} did not answer {api} within {limit:?}")]
    TimedOut {
        /// The broker.
        address: Address,
        /// The request.
        api: Api,
        /// How long we waited.
        limit: Duration,
    },
    /// The broker is busy with our other requests.
    #[error("the connection to {address} was busy for {limit:?}")]
    Busy {
        /// The broker.
        address: Address,
        /// How long we waited.
        limit: Duration,
    },
    /// The connection broke.
    #[error("the connection to {address} broke before {api} was answered")]
    Broken {
        /// The broker.
        address: Address,
        /// The request.
        api: Api,
        /// The system's words.
        #[source]
        source: Arc<io::Error>,
    },
    /// The answer is none.
    #[error("{address} answers {api} wrongly")]
    Protocol {
        /// The broker.
        address: Address,
        /// The request.
        api: Api,
        /// What is wrong.
        #[source]
        source: ProtocolError,
    },
    /// The request as a whole is answered with an error.
    #[error("{address} answers {api} with {code}")]
    Code {
        /// The broker.
        address: Address,
        /// The request.
        api: Api,
        /// The error.
        code: Code,
    },
    /// No broker has this node id.
    #[error("node {node} is not among the brokers of the cluster")]
    NoSuchNode {
        /// The node.
        node: NodeId,
    },
}

impl RequestError {
    /// Whether another broker may answer where this one did not.
    #[must_use]
    pub fn is_of_one_broker(&self) -> bool {
        match self {
            Self::Connect { source, .. } => !source.is_unauthenticated(),
            Self::TimedOut { .. } | Self::Busy { .. } | Self::Broken { .. } => true,
            Self::Protocol { .. } | Self::Code { .. } | Self::NoSuchNode { .. } => false,
        }
    }

    /// The reason why there is no connection, where that is what went wrong.
    #[must_use]
    pub fn connect_error(&self) -> Option<&ConnectError> {
        match self {
            Self::Connect { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The error code, where the broker answered with one.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Code { code, .. } => Some(*code),
            _ => None,
        }
    }
}
