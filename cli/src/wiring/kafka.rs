//! `[kafka]` to a client.

use std::path::Path;
use std::sync::Arc;

use firnline_config::wiring::named;
use firnline_index::ClusterId;
use firnline_kafka::security::{
    ClientCertificate, Login, SecretFile, SecretSource, Security, Tls, TlsMaterial,
};
use firnline_kafka::{Address, Client, ClientSettings};
use firnline_store::{Env, Secret};

use crate::config::sections::KafkaSection;
use crate::config::{Config, Mechanism, SecretRef, Set};
use crate::failure::{Failure, Result, codes, of};
use crate::surroundings::Surroundings;

/// A client of the brokers that the config names, which must belong to `cluster_id`, where one is given. Makes no request.
pub fn kafka(
    config: &Config,
    around: &Surroundings,
    env: &Env,
    cluster_id: Option<&ClusterId>,
) -> Result<Client> {
    let KafkaSection {
        bootstrap,
        tls_enabled,
        tls_ca_file,
        tls_cert_file,
        tls_key,
        sasl_mechanism,
        sasl_username,
        sasl_password,
        sasl_oauth_token,
        timeout_connect,
        timeout_request,
    } = &config.kafka;
    if bootstrap.value.0.is_empty() {
        return Err(Failure::new(&codes::NO_BROKERS, "kafka.bootstrap names no broker").into());
    }
    let address = |address: &crate::config::Address| {
        Address::new(&address.host, address.port.into())
            .map_err(|error| invalid("kafka.bootstrap").caused_by(error))
    };
    let bootstrap = bootstrap.value.0.iter().map(address).collect::<std::result::Result<_, _>>()?;
    let secret = |key: &str, secret: &Set<Option<SecretRef>>| -> Result<Secret> {
        let missing = || Failure::new(&codes::CONFIG_INVALID, format!("{key} is missing"));
        let secret = secret.value.as_ref().ok_or_else(missing)?;
        secret.resolve(around).map_err(|error| Failure::new(&codes::SECRET, format!("{key}: {error}")).into())
    };
    let pem = |path: &Path| -> Result<Vec<u8>> {
        Ok(named(path).map_err(of::config)?.text.expose().as_bytes().to_vec())
    };
    let tls = if tls_enabled.value {
        let client = match &tls_cert_file.value {
            Some(path) => Some(ClientCertificate {
                chain_pem: pem(&path.0)?,
                key_pem: secret("kafka.tls.key", tls_key)?,
            }),
            None => None,
        };
        let authorities_pem = tls_ca_file.value.as_ref().map(|path| pem(&path.0)).transpose()?;
        let material = TlsMaterial { authorities_pem, client };
        Some(Tls::new(&material).map_err(|error| invalid("kafka.tls").caused_by(error))?)
    } else {
        None
    };
    let user = || sasl_username.value.as_ref().map(|user| user.0.clone()).unwrap_or_default();
    let source = |key: &str, named: &Set<Option<SecretRef>>| -> Result<Arc<dyn SecretSource>> {
        // Read once now, so that a wrong reference is found at the start; a file is read again for each login.
        let now = secret(key, named)?;
        Ok(match named.value.as_ref() {
            Some(SecretRef::File(path)) => Arc::new(SecretFile::new(path.clone())),
            Some(SecretRef::Env(_)) | None => Arc::new(now),
        })
    };
    let password = || source("kafka.sasl.password", sasl_password);
    let login = match sasl_mechanism.value {
        None => None,
        Some(Mechanism::Plain) => Some(Login::Plain { user: user(), password: password()? }),
        Some(Mechanism::ScramSha256) => Some(Login::ScramSha256 { user: user(), password: password()? }),
        Some(Mechanism::ScramSha512) => Some(Login::ScramSha512 { user: user(), password: password()? }),
        Some(Mechanism::OauthBearer) => {
            Some(Login::OAuthBearer { token: source("kafka.sasl.oauth.token", sasl_oauth_token)? })
        }
    };
    let settings = ClientSettings {
        security: Security { tls, login },
        cluster_id: cluster_id.cloned(),
        connect_timeout: timeout_connect.value.0,
        request_timeout: timeout_request.value.0,
        ..ClientSettings::new(bootstrap)
    };
    let client = Client::new(settings, Arc::clone(&env.random));
    Ok(client.map_err(|error| invalid("kafka").caused_by(error))?)
}

fn invalid(what: &str) -> Failure {
    Failure::new(&codes::CONFIG_INVALID, format!("{what} cannot be used"))
}
