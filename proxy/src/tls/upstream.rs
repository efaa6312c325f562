//! TLS to brokers.

use std::fmt;
use std::io;
use std::sync::Arc;

use firnline_store::Secret;
use rustls::RootCertStore;
use rustls::client::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{TlsError, pem};

/// Certificates and keys, as PEM text.
#[derive(Debug, Clone, Default)]
pub struct UpstreamMaterial {
    /// The authorities that may vouch for brokers, and no others; `None` takes those of the machine.
    pub authorities_pem: Option<Vec<u8>>,
    /// Our own certificate, for brokers that ask for one.
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

/// TLS as it is set up. Cheap to clone.
#[derive(Clone)]
pub struct UpstreamTls {
    config: Arc<ClientConfig>,
    shows_certificate: bool,
}

impl UpstreamTls {
    /// Sets TLS up. Reads the machine's authorities where none are given: blocking, some milliseconds.
    ///
    /// # Errors
    /// Where a text is no PEM, or holds no certificate, or the key does not belong to the certificate.
    pub fn new(material: &UpstreamMaterial) -> Result<Self, TlsError> {
        let UpstreamMaterial { authorities_pem, client } = material;
        let roots = match authorities_pem {
            Some(pem) => pem::authorities("the file of the brokers' authorities", pem)?,
            None => machines()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::Refused { what: "the list of TLS versions", source })?
            .with_root_certificates(roots);
        let config = match client {
            None => builder.with_no_client_auth(),
            Some(ClientCertificate { chain_pem, key_pem }) => {
                let chain = pem::certificates("the certificate for brokers", chain_pem)?;
                let what = "the key of the certificate for brokers";
                let key = pem::key(what, key_pem)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|source| TlsError::Refused { what, source })?
            }
        };
        Ok(Self { config: Arc::new(config), shows_certificate: client.is_some() })
    }

    /// Whether brokers are shown a certificate of ours: whoever does not log in is to them who that is made out to.
    #[must_use]
    pub const fn shows_certificate(&self) -> bool {
        self.shows_certificate
    }

    /// Does the client's part of a handshake with the broker that has this host's name.
    pub(crate) async fn connect(&self, stream: TcpStream, host: &str) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await
    }
}

impl fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamTls")
            .field("shows_certificate", &self.shows_certificate)
            .finish_non_exhaustive()
    }
}

fn machines() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // A machine's list often holds some that rustls cannot read; the others stand.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(TlsError::Empty { what: "the machine's list of authorities" });
    }
    Ok(roots)
}
