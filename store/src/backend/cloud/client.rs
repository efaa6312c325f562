//! Clients of the three clouds, from settings and credentials. Makes no request.

use super::http::WatchedConnector;
use super::{Cloud, CloudBackend, class_attributes};
use crate::credentials::CredentialInputs;
use crate::env::Env;
use crate::settings::StoreSettings;
#[cfg(feature = "s3")]
use crate::store::check_endpoint;
use crate::store::{OpenError, Store};
use crate::url::StoreUrl;
use object_store::client::Certificate;
use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

#[cfg(any(feature = "s3", feature = "gcs"))]
use crate::credentials::Http;

/// Idle connections kept to the store: as many as uploads and readahead have under way.
const IDLE_CONNECTIONS: usize = 64;

/// Shorter than the time after which servers and load balancers drop an idle connection.
const IDLE_TIME: Duration = Duration::from_secs(20);

/// What the three clients have in common.
pub(super) trait Client: ObjectStore + MultipartStore + PaginatedListStore {}

impl<T: ObjectStore + MultipartStore + PaginatedListStore> Client for T {}

pub(crate) fn open(
    settings: StoreSettings,
    credentials: &CredentialInputs,
    env: Env,
) -> Result<Store, OpenError> {
    // TLS without a large C library. A provider that somebody else has installed serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (cloud, client): (Cloud, Arc<dyn Client>) = match &settings.url {
        #[cfg(feature = "s3")]
        StoreUrl::S3 { bucket, .. } => (Cloud::S3, s3(bucket, &settings, credentials, &env)?),
        #[cfg(feature = "gcs")]
        StoreUrl::Gcs { bucket, .. } => (Cloud::Gcs, gcs(bucket, &settings, credentials, &env)?),
        #[cfg(feature = "azure")]
        StoreUrl::Azure { container, .. } => (Cloud::Azure, azure(container, &settings, credentials)?),
        other => return Err(OpenError::NotBuiltIn { url: other.to_string(), feature: other.feature() }),
    };
    let prefix = settings.url.prefix().to_owned();
    let segment_attributes = class_attributes(settings.storage_class.as_deref());
    let starts_anywhere = cloud != Cloud::Azure && settings.endpoint.is_none();
    let backend = CloudBackend { cloud, client, prefix, starts_anywhere, segment_attributes };
    Ok(Store::over(Arc::new(backend), settings, env))
}

/// One request per attempt: pauses, repetition and time limits are [`crate::retry`]'s.
fn never_retry() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn client_options(settings: &StoreSettings) -> Result<ClientOptions, OpenError> {
    let mut options = ClientOptions::new()
        .with_allow_http(settings.allow_http)
        .with_timeout_disabled()
        .with_connect_timeout(settings.deadlines.connect)
        .with_pool_idle_timeout(IDLE_TIME)
        .with_pool_max_idle_per_host(IDLE_CONNECTIONS)
        .with_user_agent(::http::HeaderValue::from_static(concat!("firnline/", env!("CARGO_PKG_VERSION"))));
    if let Some(pem) = &settings.ca_bundle_pem {
        let bad = |problem: String| OpenError::Setting { setting: "ca_bundle_pem", problem };
        let certificates = Certificate::from_pem_bundle(pem)
            .map_err(|e| bad(format!("is no bundle of certificates in PEM: {e}")))?;
        if certificates.is_empty() {
            return Err(bad("holds no certificate in PEM".to_owned()));
        }
        for certificate in certificates {
            options = options.with_root_certificate(certificate);
        }
    }
    Ok(options)
}

fn refused(settings: &StoreSettings) -> impl Fn(object_store::Error) -> OpenError {
    let url = settings.url.to_string();
    move |e| OpenError::Client { url: url.clone(), source: Box::new(e) }
}

#[cfg(any(feature = "s3", feature = "gcs"))]
fn no_credentials(settings: &StoreSettings) -> impl Fn(crate::credentials::CredentialError) -> OpenError {
    let url = settings.url.to_string();
    move |e| OpenError::Credentials { url: url.clone(), source: Box::new(e) }
}

/// `HOST[:PORT]` of an endpoint.
fn authority(endpoint: &str) -> String {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

#[cfg(feature = "s3")]
fn s3(
    bucket: &str,
    settings: &StoreSettings,
    credentials: &CredentialInputs,
    env: &Env,
) -> Result<Arc<dyn Client>, OpenError> {
    use object_store::aws::{AmazonS3Builder, Checksum, S3ConditionalPut};

    let options = client_options(settings)?;
    let signing = if credentials.anonymous {
        None
    } else {
        let http = Http {
            connector: Arc::new(object_store::client::ReqwestConnector::default()),
            options: options.clone(),
        };
        Some(crate::credentials::aws::aws(credentials, &http, env).map_err(no_credentials(settings))?)
    };
    let told =
        |of: fn(&crate::credentials::aws::Aws) -> Option<&String>| signing.as_ref().and_then(of).cloned();
    let region = settings
        .region
        .clone()
        .or_else(|| told(|aws| aws.region.as_ref()))
        .unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = settings.endpoint.clone().or_else(|| told(|aws| aws.endpoint.as_ref()));
    let path_style = settings.path_style.unwrap_or(endpoint.is_some());
    let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    check_endpoint(&endpoint, settings)?;
    // The client library wants the bucket's name in the endpoint for the virtual-hosted style.
    let endpoint = match endpoint.split_once("://") {
        Some((scheme, host)) if !path_style => format!("{scheme}://{bucket}.{host}"),
        _ => endpoint,
    };
    let encrypted = endpoint.starts_with("https://");
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        .with_endpoint(&endpoint)
        .with_virtual_hosted_style_request(!path_style)
        .with_allow_http(settings.allow_http)
        .with_client_options(options)
        .with_http_connector(WatchedConnector { authority: authority(&endpoint) })
        .with_retry(never_retry())
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_checksum_algorithm(Checksum::CRC64NVME)
        .with_unsigned_payload(!settings.sign_payload.unwrap_or(!encrypted))
        .with_disable_bulk_delete(true)
        .with_disable_tagging(true);
    builder = match signing {
        Some(aws) => {
            tracing::info!(store = %settings.url, origin = aws.origin, "credentials");
            builder.with_credentials(aws.provider)
        }
        None => builder.with_skip_signature(true),
    };
    if let Some(key) = &settings.sse_kms_key {
        builder = builder.with_sse_kms_encryption(key);
    }
    Ok(Arc::new(builder.build().map_err(refused(settings))?))
}

#[cfg(feature = "gcs")]
fn gcs(
    bucket: &str,
    settings: &StoreSettings,
    credentials: &CredentialInputs,
    env: &Env,
) -> Result<Arc<dyn Client>, OpenError> {
    use object_store::gcp::GoogleCloudStorageBuilder;

    let endpoint = settings.endpoint.as_deref().unwrap_or("https://storage.googleapis.com");
    let options = client_options(settings)?;
    let http = Http {
        connector: Arc::new(object_store::client::ReqwestConnector::default()),
        options: options.clone(),
    };
    let builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_base_url(endpoint)
        .with_client_options(options)
        .with_http_connector(WatchedConnector { authority: authority(endpoint) })
        .with_retry(never_retry());
    let (builder, origin) =
        crate::credentials::gcp::gcp(builder, credentials, &http, env).map_err(no_credentials(settings))?;
    // The client library asks for a token before every write, also where requests are not to be signed.
    let builder = if credentials.anonymous {
        let nothing = object_store::gcp::GcpCredential { bearer: String::new() };
        builder.with_credentials(Arc::new(object_store::StaticCredentialProvider::new(nothing)))
    } else {
        builder
    };
    tracing::info!(store = %settings.url, origin, "credentials");
    Ok(Arc::new(builder.build().map_err(refused(settings))?))
}

#[cfg(feature = "azure")]
fn azure(
    container: &str,
    settings: &StoreSettings,
    credentials: &CredentialInputs,
) -> Result<Arc<dyn Client>, OpenError> {
    use object_store::azure::MicrosoftAzureBuilder;

    let account = settings.account.as_deref().unwrap_or("");
    if settings.storage_class.is_some() {
        let problem =
            "cannot be set for uploads to Azure; set the account's default access tier instead".to_owned();
        return Err(OpenError::Setting { setting: "storage_class", problem });
    }
    let endpoint =
        settings.endpoint.clone().unwrap_or_else(|| format!("https://{account}.blob.core.windows.net"));
    let builder = MicrosoftAzureBuilder::new()
        .with_account(account)
        .with_container_name(container)
        .with_endpoint(endpoint.clone())
        .with_allow_http(settings.allow_http)
        .with_client_options(client_options(settings)?)
        .with_http_connector(WatchedConnector { authority: authority(&endpoint) })
        .with_retry(never_retry())
        .with_disable_tagging(true);
    let (builder, origin) = crate::credentials::azure::azure(builder, credentials);
    tracing::info!(store = %settings.url, origin, "credentials");
    Ok(Arc::new(builder.build().map_err(refused(settings))?))
}
