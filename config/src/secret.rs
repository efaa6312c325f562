//! Secrets: a config names where one stands, and never holds it.

use std::borrow::Cow;
use std::path::PathBuf;

use firnline_store::Secret;

use crate::surroundings::{Surroundings, read_small};
use crate::value::{Value, quoted};

/// Where a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// The content of a file, without the line end.
    File(PathBuf),
    /// The value of an environment variable.
    Env(String),
}

/// The largest file read as a secret, in bytes. A path given by mistake must not fill the memory.
const FILE_MAX: u64 = 64 * 1024;

impl SecretRef {
    /// Reads the secret.
    pub fn resolve(&self, around: &Surroundings) -> Result<Secret, String> {
        let text = match self {
            Self::Env(name) => around
                .var(name)
                .ok_or_else(|| format!("the environment variable {name} is not set (or not UTF-8)"))?
                .to_owned(),
            Self::File(path) => {
                let read = read_small(path, FILE_MAX);
                read.map_err(|error| format!("read the secret file {}: {error}", path.display()))?
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(format!("{self} is empty"));
        }
        Ok(Secret::new(text))
    }
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
        }
    }
}

impl Value for SecretRef {
    fn kind() -> Cow<'static, str> {
        "secret: `file:/PATH` or `env:NAME`".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            // The text is not repeated: it may be the secret itself.
            _ => {
                Err("a secret is not written here: name where it stands, as file:/PATH or env:NAME"
                    .to_owned())
            }
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_open_is_refused_without_repeating_it() {
        for bad in ["hunter2", "file:relative", "env:", "https://user:hunter2@host"] {
            let error = SecretRef::parse(bad).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn both_places_are_read_without_the_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "hunter2\n").unwrap();
        let mut around = Surroundings::default();
        around.vars.insert("KEY".into(), "hunter3".into());
        assert_eq!(SecretRef::File(path).resolve(&around).unwrap().expose(), "hunter2");
        assert_eq!(SecretRef::Env("KEY".into()).resolve(&around).unwrap().expose(), "hunter3");
        assert!(SecretRef::Env("OTHER".into()).resolve(&around).unwrap_err().contains("OTHER"));
        assert!(SecretRef::File(dir.path().join("none")).resolve(&around).unwrap_err().contains("none"));
    }
}
