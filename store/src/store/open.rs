//! From settings to a store. No request is made here: whether the store answers, [`Store::probe`] finds out.

use super::Store;
use crate::backend::directory::{self, DirectoryBackend};
use crate::backend::memory::MemoryBackend;
use crate::codes::{self, Code};
use crate::credentials::CredentialInputs;
use crate::env::Env;
use crate::settings::{MIN_PART_SIZE, StoreSettings};
use crate::url::StoreUrl;
use std::path::PathBuf;
use std::sync::Arc;

/// A store that cannot be opened as asked for.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The crate was built without this kind of store.
    #[error("this build cannot talk to {url}: it was made without the feature `{feature}`")]
    NotBuiltIn {
        /// The address.
        url: String,
        /// The cargo feature.
        feature: &'static str,
    },
    /// A setting is missing or has no usable value.
    #[error("store setting `{setting}` {problem}")]
    Setting {
        /// Its name in [`StoreSettings`].
        setting: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The credentials given cannot be used.
    #[error("find credentials for {url}")]
    Credentials {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The client refused the settings.
    #[error("set up a client for {url}")]
    Client {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpenError {
    /// The stable code for the error page.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NotBuiltIn { .. } => codes::NOT_BUILT_IN,
            Self::Setting { .. } | Self::Client { .. } => codes::BAD_SETTING,
            Self::Credentials { .. } => codes::UNAUTHENTICATED,
        }
    }
}

impl Store {
    /// Opens a store. `credentials` tells what requests are signed with; local stores ignore it. Makes no request and starts
    /// no process.
    pub fn open(
        settings: StoreSettings,
        credentials: &CredentialInputs,
        env: Env,
    ) -> Result<Self, OpenError> {
        check(&settings)?;
        match &settings.url {
            StoreUrl::Directory { path } => {
                let backend = DirectoryBackend::new(path.clone(), Arc::clone(&env.random));
                Ok(Self::over(Arc::new(backend), of_directory(settings), env))
            }
            StoreUrl::Memory => {
                let backend = MemoryBackend::new(Arc::clone(&env.clock));
                Ok(Self::over(Arc::new(backend), settings, env))
            }
            #[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
            StoreUrl::S3 { .. } | StoreUrl::Gcs { .. } | StoreUrl::Azure { .. } => {
                crate::backend::cloud::open(settings, credentials, env)
            }
            #[cfg(not(any(feature = "s3", feature = "gcs", feature = "azure")))]
            StoreUrl::S3 { .. } | StoreUrl::Gcs { .. } | StoreUrl::Azure { .. } => {
                let _ = credentials;
                Err(OpenError::NotBuiltIn { feature: settings.url.feature(), url: settings.url.to_string() })
            }
        }
    }

    /// A store in a local directory with default settings. The directory is made by the first write.
    #[must_use]
    pub fn directory(path: impl Into<PathBuf>, env: Env) -> Self {
        let path = path.into();
        let backend = DirectoryBackend::new(path.clone(), Arc::clone(&env.random));
        Self::over(Arc::new(backend), of_directory(StoreSettings::new(StoreUrl::directory(path))), env)
    }

    /// A store in memory with default settings, empty, shared by clones of the handle only.
    #[must_use]
    pub fn memory(env: Env) -> Self {
        let backend = MemoryBackend::new(Arc::clone(&env.clock));
        Self::over(Arc::new(backend), StoreSettings::new(StoreUrl::Memory), env)
    }
}

/// A directory has a part size of its own, where the settings ask for more.
fn of_directory(settings: StoreSettings) -> StoreSettings {
    StoreSettings { part_size: settings.part_size.min(directory::PART_BYTES), ..settings }
}

fn check(settings: &StoreSettings) -> Result<(), OpenError> {
    let bad = |setting, problem: String| Err(OpenError::Setting { setting, problem });
    if settings.part_size < MIN_PART_SIZE {
        return bad(
            "part_size",
            format!("is {}, the least is {MIN_PART_SIZE} bytes (5 MiB)", settings.part_size),
        );
    }
    if settings.upload_concurrency == 0 {
        return bad("upload_concurrency", "is 0, the least is 1".to_owned());
    }
    if settings.retry.max_attempts == 0 {
        return bad("retry.max_attempts", "is 0, the least is 1".to_owned());
    }
    if let Some(endpoint) = &settings.endpoint {
        check_endpoint(endpoint, settings)?;
    }
    if matches!(settings.url, StoreUrl::Azure { .. }) && settings.account.as_deref().unwrap_or("").is_empty()
    {
        return bad("account", format!("is missing, and {} needs the storage account's name", settings.url));
    }
    Ok(())
}

/// Whether an endpoint has the right form, and TLS unless plain HTTP is allowed.
pub(crate) fn check_endpoint(endpoint: &str, settings: &StoreSettings) -> Result<(), OpenError> {
    let plain = endpoint.starts_with("http://");
    let problem = if !plain && !endpoint.starts_with("https://") {
        format!("is `{endpoint}`, write http(s)://HOST[:PORT]")
    } else if plain && !settings.allow_http {
        format!("is `{endpoint}`, without TLS; set allow_http if that is meant")
    } else {
        return Ok(());
    };
    Err(OpenError::Setting { setting: "endpoint", problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> StoreSettings {
        StoreSettings::new(url.parse().expect("valid address"))
    }

    #[test]
    fn unusable_settings_are_named() {
        for (change, name) in [
            ((|s| s.part_size = 1) as fn(&mut StoreSettings), "part_size"),
            (|s| s.upload_concurrency = 0, "upload_concurrency"),
            (|s| s.retry.max_attempts = 0, "retry.max_attempts"),
            (|s| s.endpoint = Some("localhost:9000".to_owned()), "endpoint"),
            (|s| s.endpoint = Some("http://localhost:9000".to_owned()), "allow_http"),
        ] {
            let mut settings = settings("memory:");
            change(&mut settings);
            let error = Store::open(settings, &CredentialInputs::default(), Env::system()).expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(error.code().code, "FIRN-S002");
        }
        let error = Store::open(settings("az://c/p"), &CredentialInputs::default(), Env::system())
            .expect_err("no account");
        assert!(error.to_string().contains("account"), "{error}");
    }
}
