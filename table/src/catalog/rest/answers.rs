//! The specification's answers, as far as they are used. Unknown fields are passed over.

use crate::catalog::TableName;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Two hex digits and a percent sign for the character that parts levels of a namespace in paths.
const SEPARATOR: &str = "%1F";

/// `CatalogConfig`
#[derive(Debug, Default, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    defaults: BTreeMap<String, Option<String>>,
    #[serde(default)]
    overrides: BTreeMap<String, Option<String>>,
}

impl Config {
    /// The prefix of paths: the server's override, else ours, else the server's default.
    pub(super) fn prefix(&self, own: Option<&str>) -> Option<String> {
        self.told("prefix", own)
    }

    /// What parts the levels of a namespace in paths.
    pub(super) fn separator(&self) -> String {
        self.told("namespace-separator", None)
            .filter(|text| {
                !text.is_empty()
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-._~".contains(&byte))
            })
            .unwrap_or_else(|| SEPARATOR.to_owned())
    }

    fn told(&self, key: &str, own: Option<&str>) -> Option<String> {
        let of = |map: &BTreeMap<String, Option<String>>| map.get(key).cloned().flatten();
        of(&self.overrides).or_else(|| own.map(str::to_owned)).or_else(|| of(&self.defaults))
    }

    /// What the server would have and does not get, for whoever looks for the reason.
    pub(super) fn note_ignored(&self, uri: &str) {
        if let Some(other) = self.told("uri", None).filter(|other| other.trim_end_matches('/') != uri) {
            tracing::warn!(
                uri,
                other,
                "the catalog wants to be asked elsewhere; set its uri to that if it is meant"
            );
        }
        let known = ["prefix", "uri", "namespace-separator"];
        let keys: Vec<&str> =
            self.overrides.keys().map(String::as_str).filter(|key| !known.contains(key)).collect();
        if !keys.is_empty() {
            tracing::debug!(?keys, "overrides of the catalog that are not followed");
        }
    }
}

/// `LoadTableResult` and `CommitTableResponse`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Loaded {
    pub(super) metadata_location: Option<String>,
    pub(super) metadata: Option<serde_json::Value>,
    #[serde(default)]
    config: Option<BTreeMap<String, serde_json::Value>>,
}

impl Loaded {
    /// Keys only: values may be lent credentials.
    pub(super) fn note_ignored(&self, table: &TableName) {
        if let Some(config) = self.config.as_ref().filter(|config| !config.is_empty()) {
            let keys: Vec<&String> = config.keys().collect();
            tracing::debug!(%table, ?keys, "settings of the catalog for this table that are not followed");
        }
    }
}

/// `ListTablesResponse`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Listed {
    #[serde(default)]
    identifiers: Vec<Identifier>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Identifier {
    name: String,
}

impl Listed {
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.identifiers.iter().map(|identifier| identifier.name.as_str())
    }
}

/// `IcebergErrorResponse`
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) error: ErrorModel,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorModel {
    pub(super) message: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_win_over_settings_and_settings_over_defaults() {
        let config = |text: &str| serde_json::from_str::<Config>(text).unwrap();
        let both = config(r#"{"defaults":{"prefix":"d"},"overrides":{"prefix":"o"}}"#);
        assert_eq!(both.prefix(Some("own")).as_deref(), Some("o"));
        let defaults = config(r#"{"defaults":{"prefix":"d"},"overrides":{}}"#);
        assert_eq!(defaults.prefix(Some("own")).as_deref(), Some("own"));
        assert_eq!(defaults.prefix(None).as_deref(), Some("d"));
        assert_eq!(config("{}").prefix(None), None);
        assert_eq!(config("{}").separator(), "%1F");
        assert_eq!(config(r#"{"overrides":{"namespace-separator":"%2E"}}"#).separator(), "%2E");
        assert_eq!(config(r#"{"overrides":{"namespace-separator":"/../"}}"#).separator(), "%1F");
    }
}
