//! `[store]` to the settings of a store, and to how to log in there.

use std::path::{Path, PathBuf};

use firnline_store::credentials::{AwsKeys, CredentialFiles, CredentialInputs, ENVIRONMENT, NamedText};
use firnline_store::{Deadlines, RetryPolicy, Secret, StoreSettings, StoreUrl};

use super::count;
use crate::sections::StoreSection;
use crate::source::Set;
use crate::surroundings::{Surroundings, read_small};
use crate::value::Text;
use crate::{ConfigError, ErrorKind, SecretRef};

/// The largest credentials or certificates file that is read, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// The settings of the store at `url`.
///
/// # Errors
/// A file of certificates that cannot be read.
pub fn store(
    section: &StoreSection,
    url: StoreUrl,
    around: &Surroundings,
) -> Result<StoreSettings, ConfigError> {
    let StoreSection {
        url: _,
        endpoint,
        region,
        account,
        path_style,
        allow_http,
        ca_bundle,
        sse_kms_key,
        storage_class,
        part_size,
        upload_concurrency,
        deadline_read,
        deadline_write,
        deadline_attempt,
        deadline_connect,
        retry_attempts,
        // The next seven are credentials, read below; the last is of `cost` and `offload`.
        anonymous: _,
        aws_profile: _,
        aws_access_key_id: _,
        aws_secret_access_key: _,
        aws_session_token: _,
        azure_access_key: _,
        azure_sas_token: _,
        gcp_service_account_file: _,
        price_file: _,
    } = section;
    let text = |set: &Set<Option<Text>>| set.value.as_ref().map(|text| text.0.clone());
    // What AWS's own tools trust, this one trusts for S3, too.
    let aws_ca_bundle = matches!(url, StoreUrl::S3 { .. }).then(|| around.var("AWS_CA_BUNDLE")).flatten();
    let aws_ca_bundle = aws_ca_bundle.filter(|path| !path.is_empty()).map(|path| around.cwd.join(path));
    let ca_bundle_pem = match ca_bundle.value.as_ref().map(|path| &path.0).or(aws_ca_bundle.as_ref()) {
        Some(path) => Some(named(path)?.text.expose().as_bytes().to_vec()),
        None => None,
    };
    let endpoint = text(endpoint);
    Ok(StoreSettings {
        allow_http: allow_http.value.unwrap_or_else(|| endpoint.as_deref().is_some_and(is_this_machine)),
        endpoint,
        region: text(region),
        account: text(account),
        path_style: path_style.value,
        ca_bundle_pem,
        sse_kms_key: text(sse_kms_key),
        storage_class: storage_class.value.as_ref().map(|class| class.0.clone()),
        deadlines: Deadlines {
            read: deadline_read.value.0,
            write: deadline_write.value.0,
            attempt: deadline_attempt.value.0,
            connect: deadline_connect.value.0,
            ..Deadlines::default()
        },
        retry: RetryPolicy { max_attempts: count(retry_attempts.value.0), ..RetryPolicy::default() },
        part_size: part_size.value.0,
        upload_concurrency: count(upload_concurrency.value.0),
        ..StoreSettings::new(url)
    })
}

fn is_this_machine(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|v6| v6.split(']').next()).or(host.split(':').next());
    host.is_some_and(|host| {
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// How to log in there.
///
/// # Errors
/// A secret or a file that cannot be read, and half a key.
pub fn credentials(section: &StoreSection, around: &Surroundings) -> Result<CredentialInputs, ConfigError> {
    let secret = |key: &str, secret: &Set<Option<SecretRef>>| -> Result<Option<Secret>, ConfigError> {
        let resolved = secret.value.as_ref().map(|secret| secret.resolve(around)).transpose();
        resolved.map_err(|error| ConfigError::new(ErrorKind::Secret, format!("store.{key}: {error}")))
    };
    let text = |set: &Set<Option<Text>>| set.value.as_ref().map(|text| text.0.clone());
    let secret_access_key = secret("aws.secret_access_key", &section.aws_secret_access_key)?;
    let aws_keys = match (text(&section.aws_access_key_id), secret_access_key) {
        (Some(access_key_id), Some(secret_access_key)) => Some(AwsKeys {
            access_key_id,
            secret_access_key,
            session_token: secret("aws.session_token", &section.aws_session_token)?,
        }),
        (None, None) => None,
        _ => {
            let what =
                "store.aws.access_key_id and store.aws.secret_access_key belong together, and one is missing";
            return Err(ConfigError::new(ErrorKind::Invalid, what));
        }
    };
    let passed =
        ENVIRONMENT.iter().filter_map(|name| Some(((*name).to_owned(), Secret::from(around.var(name)?))));
    let environment = passed.collect();
    let home = around.var("HOME").map(PathBuf::from);
    let files = CredentialFiles::of(&environment, home.as_deref());
    Ok(CredentialInputs {
        anonymous: section.anonymous.value,
        aws_keys,
        aws_profile: text(&section.aws_profile),
        azure_access_key: secret("azure.access_key", &section.azure_access_key)?,
        azure_sas_token: secret("azure.sas_token", &section.azure_sas_token)?,
        gcp_service_account: section
            .gcp_service_account_file
            .value
            .as_ref()
            .map(|path| named(&path.0))
            .transpose()?,
        aws_config: files.aws_config.as_deref().map(if_there).transpose()?.flatten(),
        aws_credentials: files.aws_credentials.as_deref().map(if_there).transpose()?.flatten(),
        gcp_default: match &files.gcp_default {
            Some(path) if files.gcp_default_named => Some(named(path)?),
            Some(path) => if_there(path)?,
            None => None,
        },
        environment,
    })
}

/// A file whose absence is no error.
fn if_there(path: &Path) -> Result<Option<NamedText>, ConfigError> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        _ => named(path).map(Some),
    }
}

/// A file of credentials or certificates, for which its name is needed, too.
///
/// # Errors
/// As [`read`].
pub fn named(path: &Path) -> Result<NamedText, ConfigError> {
    let text = read(path).map_err(|error| ConfigError::file(path, error))?;
    Ok(NamedText { path: path.to_owned(), text: Secret::new(text) })
}

/// A file of credentials or certificates.
///
/// # Errors
/// It cannot be read, or has more than 4 MiB.
pub fn read(path: &Path) -> std::io::Result<String> {
    read_small(path, FILE_MAX)
}
