//! Certificates or keys that cannot be used.

use crate::serve::Code;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM text that cannot be read.
    #[error("{what} cannot be read as PEM")]
    Pem {
        /// Which.
        what: &'static str,
        /// The reader's words.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// No certificate in it.
    #[error("{what} holds no certificate")]
    Empty {
        /// Which.
        what: &'static str,
    },
    /// A certificate or key that TLS refuses.
    #[error("{what} cannot be used")]
    Refused {
        /// Which.
        what: &'static str,
        /// TLS' words.
        #[source]
        source: rustls::Error,
    },
    /// Authorities that nothing could be vouched for by.
    #[error("the authorities of clients cannot be used")]
    Authorities(#[source] rustls::server::VerifierBuilderError),
}

impl TlsError {
    /// The stable code for the error page.
    #[must_use]
    pub const fn code(&self) -> Code {
        crate::serve::codes::TLS
    }
}
