//! Files of certificates and keys to TLS, for whoever has a port of Kafka's.

use firnline_config::wiring::named;
use firnline_proxy::serve::{Tls, TlsMaterial};

use crate::config::{FilePath, SecretRef, Set};
use crate::failure::{Failure, Result, codes, of};
use crate::surroundings::Surroundings;

/// TLS of a port, by the files as they are now; `None` where no certificate is set. `section` names whose it is.
pub fn listener(
    section: &str,
    cert_file: &Set<Option<FilePath>>,
    key: &Set<Option<SecretRef>>,
    client_ca_file: &Set<Option<FilePath>>,
    around: &Surroundings,
) -> Result<Option<Tls>> {
    // The config is refused where one is there alone.
    let (Some(cert_file), Some(key)) = (&cert_file.value, &key.value) else { return Ok(None) };
    let client_authorities_pem = client_ca_file.value.as_ref().map(bytes).transpose()?;
    let key_pem = secret(&format!("{section}.tls.key"), key, around)?;
    let material = TlsMaterial { chain_pem: bytes(cert_file)?, key_pem, client_authorities_pem };
    Ok(Some(Tls::new(&material).map_err(|error| of::server(error.code(), error))?))
}

/// What a file holds.
pub(super) fn bytes(path: &FilePath) -> Result<Vec<u8>> {
    Ok(named(&path.0).map_err(of::config)?.text.expose().as_bytes().to_vec())
}

/// What a key of the config refers to.
pub(super) fn secret(key: &str, secret: &SecretRef, around: &Surroundings) -> Result<firnline_store::Secret> {
    let resolved = secret.resolve(around);
    Ok(resolved.map_err(|error| Failure::new(&codes::SECRET, format!("{key}: {error}")))?)
}
