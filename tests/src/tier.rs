//! A tier somewhere real, and the binary pointed at it.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::firnline::Run;
use crate::scratch;
use crate::stores::{Azurite, Gcs, Minio, S3User, SeaweedFs};

/// An address, and what a user would set to reach it.
#[derive(Debug)]
pub struct Tier {
    url: String,
    environment: Vec<(String, String)>,
    // Holds the config file; for a directory tier the tier too.
    home: TempDir,
}

impl Tier {
    /// A fresh tier in every kind of store that the promises name: directory, S3, GCS, Azure.
    pub fn every_kind(purpose: &str) -> Vec<Self> {
        vec![Self::directory(), Self::minio(purpose), Self::gcs(purpose), Self::azure(purpose)]
    }

    /// In a local directory.
    pub fn directory() -> Self {
        let home = home();
        let url = format!("file://{}", home.path().join("tier").display());
        Self { url, environment: Vec::new(), home }
    }

    /// In a MinIO bucket of its own, as the administrator.
    pub fn minio(purpose: &str) -> Self {
        let minio = Minio::shared();
        Self::s3(&format!("s3://{}/some/prefix", minio.bucket(purpose)), &minio.endpoint(), &Minio::root())
    }

    /// In a SeaweedFS bucket of its own.
    pub fn seaweedfs(purpose: &str) -> Self {
        let weed = SeaweedFs::shared();
        Self::s3(&format!("s3://{}", weed.bucket(purpose)), &weed.endpoint(), &SeaweedFs::user())
    }

    /// At any S3 address, as any user.
    pub fn s3(url: &str, endpoint: &str, user: &S3User) -> Self {
        let environment = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", &user.access_key),
            ("AWS_SECRET_ACCESS_KEY", &user.secret_key),
        ];
        let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        Self { url: url.to_owned(), environment, home: home() }
    }

    /// In a GCS bucket of its own.
    pub fn gcs(purpose: &str) -> Self {
        let gcs = Gcs::shared();
        let url = format!("gs://{}/some/prefix", gcs.bucket(purpose));
        let home = home();
        let account = home.path().join("service-account.json");
        std::fs::write(&account, gcs.service_account()).expect("write the service account");
        let environment = vec![("GOOGLE_APPLICATION_CREDENTIALS".to_owned(), account.display().to_string())];
        Self { url, environment, home }.with_config(&format!("[store]\nendpoint = \"{}\"\n", gcs.endpoint()))
    }

    /// In an Azure container of its own.
    pub fn azure(purpose: &str) -> Self {
        let azurite = Azurite::shared();
        let url = format!("az://{}/some/prefix", azurite.container(purpose));
        let environment =
            [("AZURE_STORAGE_ACCOUNT_NAME", Azurite::ACCOUNT), ("AZURE_STORAGE_ACCOUNT_KEY", Azurite::KEY)];
        let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        Self { url, environment, home: home() }
            .with_config(&format!("[store]\nendpoint = \"{}\"\n", azurite.endpoint()))
    }

    /// The same tier as another S3 user.
    #[must_use]
    pub fn as_user(&self, user: &S3User) -> Self {
        let mut environment = self.environment.clone();
        environment.retain(|(key, _)| !key.starts_with("AWS_ACCESS") && !key.starts_with("AWS_SECRET"));
        environment.push(("AWS_ACCESS_KEY_ID".to_owned(), user.access_key.clone()));
        environment.push(("AWS_SECRET_ACCESS_KEY".to_owned(), user.secret_key.clone()));
        Self { url: self.url.clone(), environment, home: home() }
    }

    /// The same S3 tier, reached another way.
    #[must_use]
    pub fn through(&self, endpoint: &str) -> Self {
        let mut environment = self.environment.clone();
        environment.retain(|(key, _)| key != "AWS_ENDPOINT_URL");
        environment.push(("AWS_ENDPOINT_URL".to_owned(), endpoint.to_owned()));
        Self { url: self.url.clone(), environment, home: home() }
    }

    /// The same store with another address.
    #[must_use]
    pub fn at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// The same S3 tier with unsigned requests.
    #[must_use]
    pub fn unsigned(self) -> Self {
        self.with_config("[store]\nanonymous = true\n")
    }

    /// The same Azure tier with a variable of this name in place of the account's key.
    #[must_use]
    pub fn with_azure(&self, variable: &str, value: &str) -> Self {
        let mut environment = self.environment.clone();
        environment.retain(|(key, _)| key != "AZURE_STORAGE_ACCOUNT_KEY");
        environment.push((variable.to_owned(), value.to_owned()));
        Self { url: self.url.clone(), environment, home: home() }
            .with_config(&format!("[store]\nendpoint = \"{}\"\n", Azurite::shared().endpoint()))
    }

    /// With one variable of the environment set differently.
    #[must_use]
    pub fn with_env(mut self, key: &str, value: &str) -> Self {
        self.environment.retain(|(name, _)| name != key);
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The tier's path, of a directory tier.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(self.url.strip_prefix("file://").expect("a directory tier"))
    }

    /// A run of the binary with everything set to reach this tier.
    pub fn run<S: AsRef<str>>(&self, arguments: &[S]) -> Run {
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let run = Run::new(&arguments).env("FIRNLINE_STORE", &self.url).envs(&self.environment);
        let config = self.home.path().join("firnline.toml");
        if config.exists() { run.env("FIRNLINE_CONFIG", config) } else { run }
    }

    fn with_config(self, text: &str) -> Self {
        std::fs::write(self.home.path().join("firnline.toml"), text).expect("write the config");
        self
    }
}

fn home() -> TempDir {
    scratch::directory("tier")
}
