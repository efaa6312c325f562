//! What location texts mean within one store: a pure mapping between URLs and keys, both ways.

use super::error::IoError;
use firnline_store::{StoreSettings, StoreUrl};

/// A store's address as other engines write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    kind: Kind,
    /// Within the bucket or machine, without slashes at its ends.
    prefix: String,
    /// The whole address, without a slash at its end.
    root: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    S3 { bucket: String },
    Gcs { bucket: String },
    Azure { container: String, account: String },
    Directory,
    Memory,
}

impl Place {
    pub(super) fn of(settings: &StoreSettings) -> Result<Self, IoError> {
        let bad = |why| IoError::Warehouse { url: settings.url.to_string(), why };
        let prefix = settings.url.prefix().to_owned();
        let (kind, prefix, bucket) = match &settings.url {
            StoreUrl::S3 { bucket, .. } => {
                (Kind::S3 { bucket: bucket.clone() }, prefix, format!("s3://{bucket}"))
            }
            StoreUrl::Gcs { bucket, .. } => {
                (Kind::Gcs { bucket: bucket.clone() }, prefix, format!("gs://{bucket}"))
            }
            StoreUrl::Azure { container, .. } => {
                let account = settings.account.clone().filter(|account| !account.is_empty());
                let account = account.ok_or_else(|| bad("the name of its storage account is not known"))?;
                let bucket = format!("abfss://{container}@{account}.dfs.core.windows.net");
                (Kind::Azure { container: container.clone(), account }, prefix, bucket)
            }
            StoreUrl::Directory { path } => {
                let text = path.to_str().ok_or_else(|| bad("its path is not in UTF-8"))?;
                if !path.is_absolute() {
                    return Err(bad("tables hold absolute locations; write its path from the root"));
                }
                if text.split('/').any(|name| name == "." || name == "..") {
                    return Err(bad("its path has a `.` or `..` in it"));
                }
                let names: Vec<&str> = text.split('/').filter(|name| !name.is_empty()).collect();
                (Kind::Directory, names.join("/"), "file://".to_owned())
            }
            StoreUrl::Memory => (Kind::Memory, String::new(), "memory:".to_owned()),
        };
        let root = if prefix.is_empty() { bucket } else { format!("{bucket}/{prefix}") };
        Ok(Self { kind, prefix, root })
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    pub(super) fn location(&self, key: &str) -> String {
        format!("{}/{key}", self.root)
    }

    /// The key below the prefix, empty for the place itself; `None` where the location lies elsewhere.
    pub(super) fn key<'a>(&self, location: &'a str) -> Option<&'a str> {
        let path = self.path(location)?;
        let rest = path.strip_prefix(&self.prefix)?;
        if self.prefix.is_empty() { Some(rest) } else { below(rest) }
    }

    /// The path within the bucket or machine, without a slash at its beginning.
    fn path<'a>(&self, location: &'a str) -> Option<&'a str> {
        let after = |schemes: &[&str]| schemes.iter().find_map(|scheme| location.strip_prefix(scheme));
        match &self.kind {
            Kind::S3 { bucket } => {
                below(after(&["s3://", "s3a://", "s3n://"])?.strip_prefix(bucket.as_str())?)
            }
            Kind::Gcs { bucket } => below(after(&["gs://"])?.strip_prefix(bucket.as_str())?),
            Kind::Azure { container, account } => {
                if let Some(rest) = after(&["az://"]) {
                    return below(rest.strip_prefix(container.as_str())?);
                }
                let rest = after(&["abfss://", "abfs://", "wasbs://", "wasb://"])?;
                let rest = rest.strip_prefix(container.as_str())?.strip_prefix('@')?;
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                (host.split('.').next() == Some(account.as_str())).then_some(path)
            }
            Kind::Directory => {
                let path = after(&["file://", "file:"]).unwrap_or(location);
                path.strip_prefix('/')
            }
            Kind::Memory => Some(after(&["memory:"])?.trim_start_matches('/')),
        }
    }
}

/// What comes after a slash, or nothing at all: `bucket2` does not lie in `bucket`.
fn below(rest: &str) -> Option<&str> {
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Place {
        let mut settings = StoreSettings::new(url.parse().unwrap());
        settings.account = Some("acc".to_owned());
        Place::of(&settings).unwrap()
    }

    #[test]
    fn every_spelling_of_one_place_is_one_key() {
        for (url, root, locations) in [
            ("s3://b/wh", "s3://b/wh", &["s3://b/wh/t/x", "s3a://b/wh/t/x", "s3n://b/wh/t/x"][..]),
            ("s3://b", "s3://b", &["s3://b/t/x", "s3a://b/t/x"]),
            ("gs://b/wh/", "gs://b/wh", &["gs://b/wh/t/x"]),
            ("file:///d/wh", "file:///d/wh", &["file:///d/wh/t/x", "file:/d/wh/t/x", "/d/wh/t/x"]),
            ("file:////d//wh/", "file:///d/wh", &["file:///d/wh/t/x"]),
            (
                "az://c/wh",
                "abfss://c@acc.dfs.core.windows.net/wh",
                &[
                    "abfss://c@acc.dfs.core.windows.net/wh/t/x",
                    "wasbs://c@acc.blob.core.windows.net/wh/t/x",
                    "abfs://c@acc.dfs.core.chinacloudapi.cn/wh/t/x",
                    "az://c/wh/t/x",
                ],
            ),
            ("memory:", "memory:", &["memory:/t/x", "memory:///t/x"]),
        ] {
            let place = place(url);
            assert_eq!(place.root(), root);
            for location in locations {
                assert_eq!(place.key(location), Some("t/x"), "{location}");
            }
            assert_eq!(place.key(&place.location("t/x")), Some("t/x"));
            assert_eq!(place.key(root), Some(""), "{root}");
        }
    }

    #[test]
    fn what_lies_elsewhere_has_no_key() {
        for (url, location) in [
            ("s3://b/wh", "s3://b2/wh/t"),
            ("s3://b/wh", "s3://b/wh2/t"),
            ("s3://b/wh", "s3://b/t"),
            ("s3://b/wh", "gs://b/wh/t"),
            ("s3://b/wh", "/wh/t"),
            ("s3://b/wh", ""),
            ("file:///d/wh", "file://host/d/wh/t"),
            ("file:///d/wh", "d/wh/t"),
            ("file:///d/wh", "s3://d/wh/t"),
            ("az://c/wh", "abfss://c@other.dfs.core.windows.net/wh/t"),
            ("az://c/wh", "abfss://c2@acc.dfs.core.windows.net/wh/t"),
            ("memory:", "s3://b/t"),
        ] {
            assert_eq!(place(url).key(location), None, "{location} in {url}");
        }
    }

    #[test]
    fn warehouses_that_nobody_else_could_find_are_refused() {
        for url in ["relative/dir", "file:///a/../b"] {
            let error = Place::of(&StoreSettings::new(url.parse().unwrap())).unwrap_err();
            assert!(error.to_string().contains("cannot hold tables"), "{error}");
        }
    }
}
