//! Where passwords and tokens come from. Asked anew for each login, so that one that was replaced needs no restart.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use firnline_store::Secret;
use tokio::io::AsyncReadExt;

/// The longest secret taken; brokers take far shorter ones.
const MAX_BYTES: u64 = 64 * 1024;

/// Gives the secret for one login.
#[async_trait]
pub trait SecretSource: fmt::Debug + Send + Sync {
    /// The secret that is valid now.
    async fn secret(&self) -> Result<Secret, Box<dyn Error + Send + Sync>>;
}

#[async_trait]
impl SecretSource for Secret {
    async fn secret(&self) -> Result<Secret, Box<dyn Error + Send + Sync>> {
        Ok(self.clone())
    }
}

/// A secret in a file that something else keeps fresh, as Kubernetes and Vault agents do.
#[derive(Debug, Clone)]
pub struct SecretFile {
    path: PathBuf,
}

impl SecretFile {
    /// The secret in `path`. White space around it does not count.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

#[async_trait]
impl SecretSource for SecretFile {
    async fn secret(&self) -> Result<Secret, Box<dyn Error + Send + Sync>> {
        let fault = |source| FileError { path: self.path.clone(), source };
        let file = tokio::fs::File::open(&self.path).await.map_err(fault)?;
        let mut text = String::new();
        let read = file.take(MAX_BYTES).read_to_string(&mut text).await;
        // From here on the text is wiped, whatever becomes of it.
        let text = Secret::new(text);
        read.map_err(fault)?;
        Ok(Secret::new(text.expose().trim()))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("read the secret in {}", path.display())]
struct FileError {
    path: PathBuf,
    source: std::io::Error,
}
