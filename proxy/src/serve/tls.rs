//! TLS of the server's port: rustls on ring. Names of clients from their certificates.

use std::fmt;
use std::io;
use std::sync::Arc;

use firnline_store::Secret;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::codes::{self, Code};
use super::rights::Principal;

/// Certificates and the key of a server, as PEM text.
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

/// Certificates or keys that cannot be used.
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
        codes::TLS
    }
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
                let what = "the file of the clients' authorities";
                let mut roots = RootCertStore::empty();
                for certificate in certificates(what, pem)? {
                    roots.add(certificate).map_err(|source| TlsError::Refused { what, source })?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(TlsError::Authorities)?)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(key_pem.expose().as_bytes());
        let key = key.map_err(|source| TlsError::Pem { what: "the key", source })?;
        let chain = certificates("the certificate", chain_pem)?;
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

/// Who a client is by the certificate that it has shown, and that was checked: the certificate's whole subject, in Kafka's
/// form (`CN=ann,O=firm`).
pub(crate) fn principal(stream: &TlsStream<TcpStream>) -> Option<Principal> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    subject(shown).map(|name| Principal::User(name.into()))
}

fn subject(certificate: &[u8]) -> Option<String> {
    let name = Certificate::from_der(certificate).ok()?.tbs_certificate.subject.to_string();
    (!name.is_empty()).then_some(name)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("asks_certificates", &self.asks_certificates).finish_non_exhaustive()
    }
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem { what, source })?;
    if read.is_empty() { Err(TlsError::Empty { what }) } else { Ok(read) }
}
