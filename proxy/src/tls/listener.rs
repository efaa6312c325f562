//! TLS of a port that clients come to.

use std::fmt;
use std::io;
use std::sync::Arc;

use firnline_store::Secret;
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{TlsError, pem};

/// Certificates and the key of a port, as PEM text.
#[derive(Debug, Clone)]
pub struct TlsMaterial {
    /// The server's certificate, followed by those between it and the authority.
    pub chain_pem: Vec<u8>,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1, not encrypted.
    pub key_pem: Secret,
    /// The authorities that vouch for clients. With them, whoever has no certificate of theirs is not let in.
    pub client_authorities_pem: Option<Vec<u8>>,
}

/// TLS as it is set up. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    asks_certificates: bool,
}

impl Tls {
    /// Sets TLS up.
    ///
    /// # Errors
    /// Where a text is no PEM, or holds no certificate, or the key does not belong to the certificate.
    pub fn new(material: &TlsMaterial) -> Result<Self, TlsError> {
        let TlsMaterial { chain_pem, key_pem, client_authorities_pem } = material;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::Refused { what: "the list of TLS versions", source })?;
        let builder = match client_authorities_pem {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let roots = pem::authorities("the file of the clients' authorities", pem)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(TlsError::Authorities)?)
            }
        };
        let key = pem::key("the key", key_pem)?;
        let chain = pem::certificates("the certificate", chain_pem)?;
        let config = builder.with_single_cert(chain, key);
        let mut config =
            config.map_err(|source| TlsError::Refused { what: "the certificate and its key", source })?;
        // A session that is taken up again would pass over certificates: one whose authority was taken away would go on.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), asks_certificates: client_authorities_pem.is_some() })
    }

    /// Whether whoever has no certificate is not let in.
    #[must_use]
    pub const fn asks_certificates(&self) -> bool {
        self.asks_certificates
    }

    /// Does the server's part of a handshake.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("asks_certificates", &self.asks_certificates).finish_non_exhaustive()
    }
}
