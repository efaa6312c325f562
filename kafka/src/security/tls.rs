//! TLS to brokers: rustls on ring, host names always checked.

use std::fmt;
use std::io;
use std::sync::Arc;

use firnline_store::Secret;
use rustls::client::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::address::Address;
use crate::error::ConnectError;

/// Certificates and keys, as PEM text.
#[derive(Debug, Clone, Default)]
pub struct TlsMaterial {
    /// The authorities that may vouch for brokers, and no others; `None` takes those of the machine. A cluster's authority
    /// is most often the company's own, which administrators put among the machine's; a list built into this program
    /// would know neither it nor what was withdrawn since.
    pub authorities_pem: Option<Vec<u8>>,
    /// Our certificate, for brokers that ask for one.
    pub client: Option<ClientCertificate>,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The certificate, followed by those between it and the authority.
    pub chain_pem: Vec<u8>,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1, not encrypted.
    pub key_pem: Secret,
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
}

/// TLS as it is set up. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Sets TLS up. Reads the machine's authorities where none are given: blocking, some milliseconds.
    ///
    /// # Errors
    /// Where a text is no PEM, or holds no certificate, or the key does not belong to the certificate.
    pub fn new(material: &TlsMaterial) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::Refused { what: "the list of TLS versions", source })?
            .with_root_certificates(roots(material.authorities_pem.as_deref())?);
        let config = match &material.client {
            None => builder.with_no_client_auth(),
            Some(client) => {
                let chain = certificates("the client certificate", &client.chain_pem)?;
                let what = "the client key";
                let key = PrivateKeyDer::from_pem_slice(client.key_pem.expose().as_bytes())
                    .map_err(|source| TlsError::Pem { what, source })?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|source| TlsError::Refused { what, source })?
            }
        };
        Ok(Self(Arc::new(config)))
    }

    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
        address: &Address,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let name = ServerName::try_from(address.host().to_owned()).map_err(|error| ConnectError::Tls {
            address: address.clone(),
            source: io::Error::new(io::ErrorKind::InvalidInput, error),
        })?;
        let connector = TlsConnector::from(self.0.clone());
        connector.connect(name, stream).await.map_err(|error| failure(error, address))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// The failure of TLS that hides in a socket's error.
pub(crate) fn failure(error: io::Error, address: &Address) -> ConnectError {
    let address = address.clone();
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(fault)) => {
            ConnectError::Certificate { why: certificate_fault(fault, &address), address, source: error }
        }
        Some(rustls::Error::NoCertificatesPresented) => {
            ConnectError::Certificate { why: "it has none".to_owned(), address, source: error }
        }
        Some(rustls::Error::AlertReceived(alert)) if concerns_our_certificate(*alert) => {
            ConnectError::OurCertificate { address, source: error }
        }
        Some(rustls::Error::InvalidMessage(_)) => ConnectError::NotTls { address, source: error },
        None if matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        ) =>
        {
            ConnectError::NotTls { address, source: error }
        }
        _ => ConnectError::Tls { address, source: error },
    }
}

/// Whether an error is TLS' own and not the socket's.
pub(crate) fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

fn certificate_fault(fault: &CertificateError, address: &Address) -> String {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired, or this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet, or this machine's clock is wrong".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "none of the authorities given vouches for it: is the CA bundle the cluster's?".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is not made out to {}", address.host())
        }
        other => other.to_string(),
    }
}

fn concerns_our_certificate(alert: rustls::AlertDescription) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        alert,
        Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired
    )
}

fn roots(authorities_pem: Option<&[u8]>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match authorities_pem {
        Some(pem) => {
            let what = "the CA bundle";
            for certificate in certificates(what, pem)? {
                roots.add(certificate).map_err(|source| TlsError::Refused { what, source })?;
            }
        }
        None => {
            // A machine's list often holds some that rustls cannot read; the others stand.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(TlsError::Empty { what: "the machine's list of authorities" });
            }
        }
    }
    Ok(roots)
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem { what, source })?;
    if read.is_empty() { Err(TlsError::Empty { what }) } else { Ok(read) }
}
