//! TLS: whom we trust, and what is left out of a request because TLS does it.

use super::server::{Server, stored};
use super::{keys, settings};
use firnline_store::{Env, ErrorKind, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Made for these tests only: `CN=firnline test`, for 127.0.0.1, until 2125.
const CERTIFICATE: &[u8] = include_bytes!("certificate.pem");
const KEY: &[u8] = include_bytes!("key.pem");

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("fitting pair");
    TlsAcceptor::from(Arc::new(config))
}

async fn server_and_store(ca: Option<&[u8]>) -> (Server, Store) {
    let server = Server::start_with(vec![stored("\"e\"")], Some(acceptor())).await;
    let mut settings = settings("s3://bucket", &server);
    settings.endpoint = Some(format!("https://127.0.0.1:{}", server.port));
    settings.allow_http = false;
    settings.ca_bundle_pem = ca.map(<[u8]>::to_vec);
    let store = Store::open(settings, &keys(), Env::system()).expect("open");
    (server, store)
}

#[tokio::test]
async fn bundle_makes_a_private_authority_trusted_and_the_payload_goes_unsigned_with_a_checksum() {
    let (server, store) = server_and_store(Some(CERTIFICATE)).await;
    store.put_unique("k", &b"123456789"[..]).await.expect("put");
    let asked = server.asked();
    assert_eq!(asked[0].header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
    assert_eq!(asked[0].header("x-amz-checksum-crc64nvme"), Some("rosUhgp5mIg="));
}

#[tokio::test]
async fn unknown_authority_is_not_trusted() {
    let (server, store) = server_and_store(None).await;
    let error = store
        .with_deadline(Duration::from_millis(300))
        .put_unique("k", &b"x"[..])
        .await
        .expect_err("untrusted");
    assert_eq!(*error.kind(), ErrorKind::Unavailable);
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn bundle_that_is_none_is_refused_when_opening() {
    for pem in [&b""[..], b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let server = Server::start(vec![]).await;
        let mut settings = settings("s3://bucket", &server);
        settings.ca_bundle_pem = Some(pem.to_vec());
        let error = Store::open(settings, &keys(), Env::system()).expect_err("no bundle");
        assert_eq!(error.code().code, "FIRN-S002", "{error}");
    }
}
