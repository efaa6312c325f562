//! `[export]` to a catalog, a registry, and the settings of tables.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firnline_config::surroundings::Surroundings;
use firnline_config::wiring::count;
use firnline_decode::{
    HttpRegistry, RegistryAuth, RegistrySettings, SchemaSource, WriterSchema, parse_fields,
};
use firnline_export::cdc::{CdcSettings, CdcTable, Truncate};
use firnline_export::files::FileSettings;
use firnline_export::rows::{Headers, Part, RowSettings};
use firnline_export::settings::{
    DeadLetters, JobSettings, Missing, Policy, RetrySettings, RoundSettings, Start, TableSettings,
};
use firnline_export::tend::TendSettings;
use firnline_store::credentials::{AwsChain, AwsKeys};
use firnline_store::{Env, Store, StoreUrl};
use firnline_table::catalog::{
    Auth, AwsKeySource, Catalog, FsCatalog, GlueCatalog, GlueSettings, HttpSettings, OAuth2, RestCatalog,
    RestSettings,
};
use firnline_table::io::FileIo;

use crate::config::sections::{ExportSection, ExportTopicSection};
use crate::config::{
    CatalogAuth, CatalogKind, CdcMode, Config, FilePath, HeadersMode, PartMode, SecretRef, Set,
    TruncatePolicy,
};
use crate::failure::{Failure, Result, codes, of};

/// How long a registry may take for one answer.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(10);

/// The store in which tables are. Makes no request.
pub fn warehouse(config: &Config, url: &str, around: &Surroundings, env: &Env) -> Result<Store> {
    let url: StoreUrl = url.parse().map_err(of::url)?;
    let settings = firnline_config::wiring::store(&config.store, url, around).map_err(of::config)?;
    let inputs = firnline_config::wiring::credentials(&config.store, around).map_err(of::config)?;
    Ok(Store::open(settings, &inputs, env.clone()).map_err(of::open_store)?)
}

/// The address that `export.warehouse` names.
pub fn warehouse_url(config: &Config) -> Result<&str> {
    let named = config.export.warehouse.value.as_ref().map(|text| text.0.as_str());
    Ok(named.ok_or_else(|| Failure::new(&codes::NO_WAREHOUSE, "export.warehouse is not set"))?)
}

/// Keys of AWS, as the store finds them.
#[derive(Debug)]
struct ChainKeys(AwsChain);

#[async_trait]
impl AwsKeySource for ChainKeys {
    async fn keys(&self) -> std::result::Result<Arc<AwsKeys>, Box<dyn Error + Send + Sync>> {
        Ok(Arc::new(self.0.keys().await?))
    }
}

/// Opens the catalog. A REST catalog is asked for its config.
pub async fn catalog(
    config: &Config,
    io: FileIo,
    around: &Surroundings,
    env: &Env,
) -> Result<Arc<dyn Catalog>> {
    let ExportSection { catalog_kind, catalog_url, catalog_warehouse, catalog_auth, .. } = &config.export;
    let url = catalog_url.value.as_ref().map(|text| text.0.clone());
    let named = catalog_warehouse.value.as_ref().map(|text| text.0.clone());
    let http = HttpSettings {
        allow_http: url.as_deref().is_some_and(is_plain),
        ca_bundle_pem: ca_bundle(config)?,
        ..HttpSettings::default()
    };
    Ok(match catalog_kind.value {
        CatalogKind::Files => Arc::new(FsCatalog::new(io, env.clone())),
        CatalogKind::Rest => {
            let uri =
                url.ok_or_else(|| Failure::new(&codes::CONFIG_INVALID, "export.catalog.url is not set"))?;
            let auth = auth(config, catalog_auth.value, around, env)?;
            let settings = RestSettings { warehouse: named, auth, http, ..RestSettings::new(uri) };
            Arc::new(RestCatalog::connect(settings, io, env.clone()).await.map_err(of::catalog)?)
        }
        CatalogKind::Glue => {
            let chain = chain(config, around, env)?;
            let region = region(config, &chain)?;
            let settings =
                GlueSettings { catalog_id: named, endpoint: url, http, ..GlueSettings::new(region) };
            let keys = Arc::new(ChainKeys(chain));
            Arc::new(GlueCatalog::new(settings, keys, io, env.clone()).map_err(of::catalog)?)
        }
    })
}

/// Without TLS is what was typed, or nothing.
fn is_plain(url: &str) -> bool {
    url.starts_with("http://")
}

fn ca_bundle(config: &Config) -> Result<Option<Vec<u8>>> {
    let Some(FilePath(path)) = &config.store.ca_bundle.value else { return Ok(None) };
    let read = firnline_config::wiring::named(path).map_err(of::config)?;
    Ok(Some(read.text.expose().as_bytes().to_vec()))
}

fn auth(config: &Config, auth: CatalogAuth, around: &Surroundings, env: &Env) -> Result<Auth> {
    let export = &config.export;
    Ok(match auth {
        CatalogAuth::Nobody => Auth::None,
        CatalogAuth::Bearer => Auth::Bearer(required("export.catalog.token", &export.catalog_token, around)?),
        CatalogAuth::OAuth2 => {
            let credential =
                required("export.catalog.oauth2.credential", &export.catalog_credential, around)?;
            // Some catalogs know secrets alone.
            let (client_id, secret) = match credential.expose().split_once(':') {
                Some((id, secret)) => (Some(id.to_owned()), secret.to_owned()),
                None => (None, credential.expose().to_owned()),
            };
            Auth::OAuth2(OAuth2 {
                endpoint: export.catalog_oauth_url.value.as_ref().map(|text| text.0.clone()),
                client_id,
                client_secret: firnline_store::Secret::new(secret),
                scope: Some(export.catalog_oauth_scope.value.0.clone()),
                parameters: Vec::new(),
            })
        }
        CatalogAuth::SigV4 => {
            let chain = chain(config, around, env)?;
            let region = region(config, &chain)?;
            let service = export.catalog_service.value.0.clone();
            Auth::SigV4 { region, service, keys: Arc::new(ChainKeys(chain)) }
        }
    })
}

fn chain(config: &Config, around: &Surroundings, env: &Env) -> Result<AwsChain> {
    let inputs = firnline_config::wiring::credentials(&config.store, around).map_err(of::config)?;
    let found = AwsChain::find(&inputs, env);
    Ok(found.map_err(|error| Failure::new(&codes::SECRET, "find credentials of AWS").caused_by(error))?)
}

fn region(config: &Config, chain: &AwsChain) -> Result<String> {
    let text = |set: &Set<Option<crate::config::Text>>| set.value.as_ref().map(|text| text.0.clone());
    let named = text(&config.export.catalog_region).or_else(|| text(&config.store.region));
    let named = named.or_else(|| chain.region().map(str::to_owned));
    Ok(named.ok_or_else(|| {
        Failure::new(&codes::CONFIG_INVALID, "no region is set for the catalog")
            .help("set export.catalog.sigv4.region")
    })?)
}

fn required(
    key: &str,
    secret: &Set<Option<SecretRef>>,
    around: &Surroundings,
) -> Result<firnline_store::Secret> {
    let named = secret.value.as_ref();
    let named = named.ok_or_else(|| Failure::new(&codes::SECRET, format!("{key} is not set")))?;
    let read = named.resolve(around);
    Ok(read.map_err(|error| Failure::new(&codes::SECRET, format!("{key}: {error}")))?)
}

/// The schema registry, if there is one. Makes no request.
pub fn registry(config: &Config, around: &Surroundings) -> Result<Option<Arc<dyn SchemaSource>>> {
    let ExportSection { registry_urls, registry_login, registry_token, .. } = &config.export;
    let urls: Vec<String> = registry_urls.value.0.iter().map(|text| text.0.clone()).collect();
    if urls.is_empty() {
        return Ok(None);
    }
    let auth = if registry_login.value.is_some() {
        let login = required("export.registry.login", registry_login, around)?;
        let (user, password) = login.expose().split_once(':').ok_or_else(|| {
            Failure::new(&codes::SECRET, "export.registry.login is not of the form USER:PASSWORD")
        })?;
        RegistryAuth::Basic { user: user.to_owned(), password: password.to_owned() }
    } else if registry_token.value.is_some() {
        RegistryAuth::Bearer(required("export.registry.token", registry_token, around)?.expose().to_owned())
    } else {
        RegistryAuth::Nobody
    };
    // What makes the client of the store does the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::limited(3));
    if let Some(bundle) = ca_bundle(config)? {
        let unusable = |error| {
            Failure::new(&codes::LOCAL_IO, "use the certificates of store.ca_bundle").caused_by(error)
        };
        for certificate in reqwest::Certificate::from_pem_bundle(&bundle).map_err(unusable)? {
            client = client.add_root_certificate(certificate);
        }
    }
    let client = client.build().map_err(|error| {
        Failure::new(&codes::INTERNAL, "make a client for the schema registry").caused_by(error)
    })?;
    Ok(Some(Arc::new(HttpRegistry::new(client, RegistrySettings { urls, auth, timeout: REGISTRY_TIMEOUT }))))
}

/// What becomes of the records of a topic: by its section, else rows of bytes.
pub fn rows(section: Option<&ExportTopicSection>) -> Result<RowSettings> {
    let Some(section) = section else { return Ok(RowSettings::default()) };
    let ExportTopicSection { key, key_fields, value, value_fields, headers, keep_value, .. } = section;
    Ok(RowSettings {
        key: part(key.value, key_fields)?,
        value: part(value.value, value_fields)?,
        headers: match headers.value {
            HeadersMode::Nothing => Headers::None,
            HeadersMode::List => Headers::List,
        },
        keep_value: keep_value.value,
        ..RowSettings::default()
    })
}

fn part(mode: PartMode, fields: &Set<Option<FilePath>>) -> Result<Part> {
    Ok(match mode {
        PartMode::Nothing => Part::None,
        PartMode::Binary => Part::Binary,
        PartMode::Text => Part::String,
        PartMode::Registry => Part::Registry,
        PartMode::Json => {
            // The config is refused where it is missing.
            let Some(FilePath(path)) = &fields.value else { return Ok(Part::Binary) };
            Part::Json(declared(path)?)
        }
    })
}

fn declared(path: &Path) -> Result<WriterSchema> {
    let unusable = || Failure::new(&codes::FIELDS, format!("read the declared fields in {}", path.display()));
    let text = firnline_config::wiring::read(path).map_err(|error| unusable().caused_by(error))?;
    let fields = parse_fields(&text).map_err(|error| unusable().caused_by(error))?;
    Ok(WriterSchema::declared(&fields))
}

/// What the changes of a topic become, for each of its tables: the changelog, and the current state where it is wanted.
pub fn changes(section: Option<&ExportTopicSection>) -> Option<(CdcSettings, Option<CdcSettings>)> {
    let ExportTopicSection { cdc, cdc_keys, cdc_current, cdc_truncate, .. } = section?;
    if cdc.value == CdcMode::Nothing {
        return None;
    }
    let truncate = match cdc_truncate.value {
        TruncatePolicy::Stop => Truncate::Stop,
        TruncatePolicy::Delete => Truncate::DeleteAll,
    };
    let keys = cdc_keys.value.0.iter().map(|text| text.0.clone()).collect();
    let changelog = CdcSettings { truncate, keys, ..CdcSettings::default() };
    let current = CdcSettings { table: CdcTable::Current, ..changelog.clone() };
    Some((changelog, cdc_current.value.then_some(current)))
}

/// How a table is made and written; `tables` of them share the memory.
pub fn job(
    config: &Config,
    section: Option<&ExportTopicSection>,
    skip_gone: bool,
    tables: usize,
) -> Result<JobSettings> {
    let ExportSection { format_version, target_file_size, max_lag, interval, memory, pass_gaps, .. } =
        &config.export;
    let rows = rows(section)?;
    let share: usize = count(memory.value.0 / u64::try_from(tables.max(1)).unwrap_or(1));
    let partitioning = match section {
        Some(section) => section.partition_by.value.0.iter().map(|text| text.0.clone()).collect(),
        None => TableSettings::default().partitioning,
    };
    Ok(JobSettings {
        rows,
        files: FileSettings {
            target_bytes: target_file_size.value.0,
            memory: share / 2,
            row_group_bytes: (share / 4).min(FileSettings::default().row_group_bytes),
            ..FileSettings::default()
        },
        table: TableSettings {
            format_version: count(format_version.value.0),
            partitioning,
            ..TableSettings::default()
        },
        round: RoundSettings {
            target_bytes: target_file_size.value.0,
            max_lag: max_lag.value.0,
            poll: interval.value.0,
        },
        missing: Missing {
            lost: if pass_gaps.value { Policy::Record } else { Policy::Refuse },
            gone: if skip_gone { Policy::Record } else { Policy::Refuse },
        },
        dead_letters: DeadLetters::Table,
        start: Start::Earliest,
        retry: RetrySettings::default(),
        continue_as: None,
    })
}

/// How tables are tended.
pub fn tend(config: &Config) -> TendSettings {
    let ExportSection {
        target_file_size, tend_keep_time, tend_keep_count, tend_orphans_after, memory, ..
    } = &config.export;
    let defaults = TendSettings::default();
    TendSettings {
        target_file_bytes: target_file_size.value.0,
        max_rewrite_bytes: defaults.max_rewrite_bytes.max(target_file_size.value.0),
        keep_snapshots: count(tend_keep_count.value.0),
        max_snapshots: defaults.max_snapshots.max(count(tend_keep_count.value.0)),
        max_snapshot_age: tend_keep_time.value.0,
        orphan_age: tend_orphans_after.value.0,
        memory_bytes: count(memory.value.0 / 2),
        ..defaults
    }
}
