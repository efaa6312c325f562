//! `[store]` to a store.

use std::path::Path;

use firnline_config::surroundings::Surroundings;
use firnline_config::wiring;
use firnline_store::price::PriceList;
use firnline_store::{Env, Store, StoreUrl};

use crate::config::{Config, Origin, Set};
use crate::failure::{Failure, Result, codes, of};

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
    let settings = wiring::store(&config.store, url, around).map_err(of::config)?;
    let inputs = wiring::credentials(&config.store, around).map_err(of::config)?;
    Ok(Store::open(settings, &inputs, env.clone()).map_err(of::open_store)?)
}

/// The price list in use.
pub fn prices(config: &Config, typed: Option<&Path>) -> Result<(PriceList, String)> {
    let path = typed.or(config.store.price_file.value.as_ref().map(|path| path.0.as_path()));
    let Some(path) = path else {
        return Ok((PriceList::built_in(), firnline_store::price::BUILT_IN.to_owned()));
    };
    let bad = || Failure::new(&codes::PRICES, format!("read the price file {}", path.display()));
    let text = wiring::read(path).map_err(|error| bad().caused_by(error))?;
    let list = PriceList::parse(&text).map_err(|error| bad().caused_by(error))?;
    Ok((list, text))
}

/// Every file and secret that the config names and that cannot be read.
pub fn unreadable(config: &Config, around: &Surroundings) -> Vec<String> {
    let (store, kafka, serve, proxy) = (&config.store, &config.kafka, &config.serve, &config.proxy);
    let export = &config.export;
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
        ("export.catalog.token", &export.catalog_token),
        ("export.catalog.oauth2.credential", &export.catalog_credential),
        ("export.registry.login", &export.registry_login),
        ("export.registry.token", &export.registry_token),
    ] {
        let resolved = secret.value.as_ref().map(|secret| secret.resolve(around));
        problems.extend(resolved.and_then(std::result::Result::err).map(|error| format!("{key}: {error}")));
    }
    let fields = config.export_topics.iter().flat_map(|topic| {
        [("export.topic.key_fields", &topic.key_fields), ("export.topic.value_fields", &topic.value_fields)]
    });
    let named = [
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
    ];
    for (key, path) in named.into_iter().chain(fields) {
        let opened = path.value.as_ref().map(|path| (path, wiring::read(&path.0)));
        if let Some((path, Err(error))) = opened {
            problems.push(format!("{key}: read {}: {error}", path.0.display()));
        }
    }
    problems
}
