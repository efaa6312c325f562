//! Where OAUTHBEARER tokens come from.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use firnline_store::Secret;
use tokio::io::AsyncReadExt;

/// The longest token taken; brokers take far shorter ones.
const MAX_BYTES: u64 = 64 * 1024;

/// Gives the token for one login. Asked anew for each, so that a token may expire.
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// A token that is valid now.
    async fn token(&self) -> Result<Secret, Box<dyn Error + Send + Sync>>;
}

/// A token in a file that something else keeps fresh, as Kubernetes and Vault agents do.
#[derive(Debug, Clone)]
pub struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    /// The token in `path`, read for each login. White space around it does not count.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

#[async_trait]
impl TokenSource for TokenFile {
    async fn token(&self) -> Result<Secret, Box<dyn Error + Send + Sync>> {
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
#[error("read the token in {}", path.display())]
struct FileError {
    path: PathBuf,
    source: std::io::Error,
}
