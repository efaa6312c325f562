//! `[store]` to a store.

use std::path::{Path, PathBuf};

use firnline_store::credentials::{AwsKeys, CredentialFiles, CredentialInputs, ENVIRONMENT, NamedText};
use firnline_store::price::PriceList;
use firnline_store::{Deadlines, Env, RetryPolicy, Secret, Store, StoreSettings, StoreUrl};

use crate::config::sections::StoreSection;
use crate::config::{Config, Origin, SecretRef, Set};
use crate::failure::{Failure, Result, codes, of};
use crate::surroundings::{Surroundings, read_small};

/// The largest credentials or certificates file that is read, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// An address from the command line.
pub fn tier_address(text: &str) -> Result<Set<Option<StoreUrl>>> {
    let url: StoreUrl = text.parse().map_err(of::url)?;
    Ok(Set { value: Some(url), origin: Origin::CommandLine })
}

/// Opens the store that the config names. Makes no request.
pub fn store(config: &Config, around: &Surroundings, env: &Env) -> Result<Store> {
    let Some(url) = config.store.url.value.clone() else {
        return Err(Failure::new(&codes::NO_TIER, "no tier was given").into());
    };
    let settings = settings(&config.store, url, around)?;
    let inputs = credentials(&config.store, around)?;
    Ok(Store::open(settings, &inputs, env.clone()).map_err(of::open_store)?)
}

/// The price list in use.
pub fn prices(config: &Config, typed: Option<&Path>) -> Result<(PriceList, String)> {
    let path = typed.or(config.store.price_file.value.as_ref().map(|path| path.0.as_path()));
    let Some(path) = path else {
        return Ok((PriceList::built_in(), firnline_store::price::BUILT_IN.to_owned()));
    };
    let bad = || Failure::new(&codes::PRICES, format!("read the price file {}", path.display()));
    let text = read(path).map_err(|error| bad().caused_by(error))?;
    let list = PriceList::parse(&text).map_err(|error| bad().caused_by(error))?;
    Ok((list, text))
}

/// Every file and secret that the config names and that cannot be read.
pub fn unreadable(config: &Config, around: &Surroundings) -> Vec<String> {
    let (store, kafka, serve, proxy) = (&config.store, &config.kafka, &config.serve, &config.proxy);
    let mut problems = Vec::new();
    for (key, secret) in [
        ("store.aws.secret_access_key", &store.aws_secret_access_key),
        ("store.aws.session_token", &store.aws_session_token),
        ("store.azure.access_key", &store.azure_access_key),
        ("store.azure.sas_token", &store.azure_sas_token),
        ("kafka.tls.key", &kafka.tls_key),
        ("kafka.sasl.password", &kafka.sasl_password),
        ("kafka.sasl.oauth.token", &kafka.sasl_oauth_token),
        ("serve.tls.key", &serve.tls_key),
        ("proxy.tls.key", &proxy.tls_key),
        ("proxy.broker_tls.key", &proxy.broker_tls_key),
    ] {
        let resolved = secret.value.as_ref().map(|secret| secret.resolve(around));
        problems.extend(resolved.and_then(std::result::Result::err).map(|error| format!("{key}: {error}")));
    }
    for (key, path) in [
        ("store.ca_bundle", &store.ca_bundle),
        ("store.gcp.service_account_file", &store.gcp_service_account_file),
        ("store.price_file", &store.price_file),
        ("kafka.tls.ca_file", &kafka.tls_ca_file),
        ("kafka.tls.cert_file", &kafka.tls_cert_file),
        ("serve.tls.cert_file", &serve.tls_cert_file),
        ("serve.tls.client_ca_file", &serve.tls_client_ca_file),
        ("serve.users_file", &serve.users_file),
        ("proxy.tls.cert_file", &proxy.tls_cert_file),
        ("proxy.tls.client_ca_file", &proxy.tls_client_ca_file),
        ("proxy.broker_tls.ca_file", &proxy.broker_tls_ca_file),
        ("proxy.broker_tls.cert_file", &proxy.broker_tls_cert_file),
    ] {
        let opened = path.value.as_ref().map(|path| (path, read(&path.0)));
        if let Some((path, Err(error))) = opened {
            problems.push(format!("{key}: read {}: {error}", path.0.display()));
        }
    }
    problems
}

fn settings(section: &StoreSection, url: StoreUrl, around: &Surroundings) -> Result<StoreSettings> {
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
    let text = |set: &Set<Option<crate::config::Text>>| set.value.as_ref().map(|text| text.0.clone());
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

/// A count that the config has bounded far below what any number type holds.
pub fn count<T: TryFrom<u64>>(value: u64) -> T {
    T::try_from(value).unwrap_or_else(|_| unreachable!("the config bounds its counts"))
}

fn is_this_machine(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|v6| v6.split(']').next()).or(host.split(':').next());
    host.is_some_and(|host| {
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

fn credentials(section: &StoreSection, around: &Surroundings) -> Result<CredentialInputs> {
    let secret = |key: &str, secret: &Set<Option<SecretRef>>| -> Result<Option<Secret>> {
        let resolved = secret.value.as_ref().map(|secret| secret.resolve(around)).transpose();
        resolved.map_err(|error| Failure::new(&codes::SECRET, format!("store.{key}: {error}")).into())
    };
    let text = |set: &Set<Option<crate::config::Text>>| set.value.as_ref().map(|text| text.0.clone());
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
            return Err(Failure::new(&codes::CONFIG_INVALID, what).into());
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
fn if_there(path: &Path) -> Result<Option<NamedText>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        _ => named(path).map(Some),
    }
}

pub(super) fn named(path: &Path) -> Result<NamedText> {
    let text = read(path).map_err(|error| {
        Failure::new(&codes::LOCAL_IO, format!("read {}", path.display())).caused_by(error)
    })?;
    Ok(NamedText { path: path.to_owned(), text: Secret::new(text) })
}

fn read(path: &Path) -> std::io::Result<String> {
    read_small(path, FILE_MAX)
}
