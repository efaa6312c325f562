//! What the binary reads for us: plain values, secrets redacted.

use crate::secret::Secret;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The environment variables that mean something here; the binary passes those that are set.
pub const ENVIRONMENT: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
    "IDENTITY_ENDPOINT",
];

/// Everything from which credentials may come. Empty = nothing but the machine's own identity (instance metadata).
#[derive(Clone, Debug, Default)]
pub struct CredentialInputs {
    /// Send unsigned requests, for public buckets and emulators. Wins over everything else.
    pub anonymous: bool,
    /// Keys from Firnline's own configuration; they win over every other AWS source.
    pub aws_keys: Option<AwsKeys>,
    /// The AWS profile from Firnline's own configuration; it wins over keys in the environment.
    pub aws_profile: Option<String>,
    /// An Azure storage account's key, from Firnline's own configuration.
    pub azure_access_key: Option<Secret>,
    /// An Azure shared access signature, from Firnline's own configuration.
    pub azure_sas_token: Option<Secret>,
    /// A Google service account's key file, from Firnline's own configuration.
    pub gcp_service_account: Option<NamedText>,
    /// Those of [`ENVIRONMENT`] that are set.
    pub environment: BTreeMap<String, Secret>,
    /// AWS's `config` file, where there is one.
    pub aws_config: Option<NamedText>,
    /// AWS's `credentials` file, where there is one.
    pub aws_credentials: Option<NamedText>,
    /// Google's application default credentials, where there are any.
    pub gcp_default: Option<NamedText>,
}

/// A pair of AWS keys, with the session's token where they are temporary.
#[derive(Clone, Debug)]
pub struct AwsKeys {
    /// The access key's id; not secret, and shown.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token.
    pub session_token: Option<Secret>,
}

/// A file's text and where it stands.
#[derive(Clone, Debug)]
pub struct NamedText {
    /// Where it was read, for messages.
    pub path: PathBuf,
    /// All of it.
    pub text: Secret,
}

/// Where the files of [`CredentialInputs`] are looked for; one that does not exist is no error unless it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFiles {
    /// AWS's `config` file.
    pub aws_config: Option<PathBuf>,
    /// AWS's `credentials` file.
    pub aws_credentials: Option<PathBuf>,
    /// Google's application default credentials.
    pub gcp_default: Option<PathBuf>,
    /// Whether `GOOGLE_APPLICATION_CREDENTIALS` named that file, so that its absence is an error.
    pub gcp_default_named: bool,
}

impl CredentialFiles {
    /// Where to look, by these environment variables and this home directory.
    #[must_use]
    pub fn of(environment: &BTreeMap<String, Secret>, home: Option<&Path>) -> Self {
        let named = |variable: &str| {
            environment.get(variable).filter(|path| !path.is_empty()).map(|p| p.expose().into())
        };
        let at_home = |path: &str| home.map(|home| home.join(path));
        let google = named("GOOGLE_APPLICATION_CREDENTIALS");
        Self {
            aws_config: named("AWS_CONFIG_FILE").or_else(|| at_home(".aws/config")),
            aws_credentials: named("AWS_SHARED_CREDENTIALS_FILE").or_else(|| at_home(".aws/credentials")),
            gcp_default_named: google.is_some(),
            gcp_default: google.or_else(|| at_home(".config/gcloud/application_default_credentials.json")),
        }
    }
}

impl CredentialInputs {
    /// No credentials at all: unsigned requests.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { anonymous: true, ..Self::default() }
    }

    /// A variable that is set and not empty.
    #[cfg(any(feature = "s3", feature = "azure"))]
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        debug_assert!(ENVIRONMENT.contains(&name), "{name} is not in the list that the binary passes");
        self.environment.get(name).map(Secret::expose).filter(|value| !value.is_empty())
    }
}
