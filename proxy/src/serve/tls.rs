//! Names of clients from their certificates.

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::rights::Principal;

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
