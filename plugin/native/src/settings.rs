//! From the keys that the broker passes on to an engine's settings. All that is wrong with them is told at once.

use std::fmt;
use std::sync::Arc;

use firnline_config::ConfigError;
use firnline_config::plugin::{self, PluginConfig};
use firnline_config::sections::{CacheSection, EncryptionSection, LimitsSection, PluginSection};
use firnline_config::surroundings::Surroundings;
use firnline_config::wiring::{self, count};
use firnline_index::{ClusterId, NodeId};
use firnline_reader::ReaderSettings;
use firnline_store::credentials::CredentialInputs;
use firnline_store::{Env, StoreSettings, StoreUrl};
use firnline_tier::SegmentForm;
use firnline_tier::keys::KeyRing;

use crate::engine::{EngineDeadlines, EngineScrub, EngineSettings};

/// Threads of an engine: they wait for the store and check blocks. What blocks has threads of its own.
const THREADS: usize = 4;
/// Keys that the Java half reads.
const OF_THE_SHELL: &str = "previous.";

/// Everything that an engine is told.
#[derive(Debug)]
pub struct Settings {
    /// How it works.
    pub engine: EngineSettings,
    /// Where the tier is.
    pub store: StoreSettings,
    /// How to log in there.
    pub credentials: CredentialInputs,
    /// What wraps the keys of encrypted topics.
    pub encryption: EncryptionSection,
    /// The calls that panic.
    #[cfg(any(test, debug_assertions))]
    pub panic_in: Option<String>,
}

/// All that is wrong with the keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// One problem each, naming the key.
    pub problems: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plugin's settings are wrong: {}", self.problems.join("; "))
    }
}

impl From<ConfigError> for SettingsError {
    fn from(error: ConfigError) -> Self {
        Self { problems: vec![plugin::spelled(&error.line())] }
    }
}

impl Settings {
    /// Reads keys and values, and the files and variables that they name.
    ///
    /// # Errors
    /// Every key that is missing, unknown or of no usable value; else the first file or secret that cannot be read.
    pub fn from_pairs(pairs: &[(String, String)], around: &Surroundings) -> Result<Self, SettingsError> {
        let mut pairs: Vec<_> =
            pairs.iter().filter(|(key, _)| !key.starts_with(OF_THE_SHELL)).cloned().collect();
        #[cfg(any(test, debug_assertions))]
        let panic_in = pairs.extract_if(.., |(key, _)| key == "fault.panic").next().map(|(_, value)| value);
        #[cfg(not(any(test, debug_assertions)))]
        pairs.shrink_to_fit();
        let config = plugin::parse(&pairs, around).map_err(|problems| SettingsError { problems })?;
        let PluginConfig { plugin, store, cache, limits, segments, encryption } = config;
        let PluginSection {
            cluster_id,
            broker_id,
            node_id,
            projection_interval,
            upload_rate,
            download_rate,
            scrub_within,
            scrub_rate,
        } = plugin;
        let cluster_id = cluster_id.value.map(|text| text.0).unwrap_or_default();
        let cluster_id = ClusterId::new(&cluster_id)
            .map_err(|error| SettingsError { problems: vec![format!("cluster.id: {error}")] })?;
        let url = store.url.value.clone().unwrap_or(StoreUrl::Memory);
        let credentials = wiring::credentials(&store, around)?;
        let store = wiring::store(&store, url, around)?;
        let deadlines = EngineDeadlines {
            read: store.deadlines.read,
            delete: store.deadlines.write,
            copy: store.deadlines.write,
            ..EngineDeadlines::default()
        };
        let broker = broker_id.value.or(node_id.value).and_then(|id| NodeId::new(count(id.0)).ok());
        let engine = EngineSettings {
            cluster_id,
            tier: wiring::tier(&limits, &segments, &store),
            reader: reader(&cache, &limits),
            form: SegmentForm {
                encryption: wiring::encryption(None, encryption.topics.value),
                ..SegmentForm::default()
            },
            deadlines,
            threads: THREADS,
            broker,
            projection_interval: projection_interval.value.0,
            upload_rate: upload_rate.value.map(|rate| rate.0),
            download_rate: download_rate.value.map(|rate| rate.0),
            scrub: (scrub_rate.value.0 > 0).then(|| EngineScrub {
                within: scrub_within.value.0,
                bytes_per_second: scrub_rate.value.0,
                ..EngineScrub::default()
            }),
        };
        Ok(Self {
            engine,
            store,
            credentials,
            encryption,
            #[cfg(any(test, debug_assertions))]
            panic_in,
        })
    }

    /// The ring that wraps topic keys, if there is one.
    ///
    /// # Errors
    /// A key of it that cannot be used.
    pub fn ring(&self, around: &Surroundings, env: &Env) -> Result<Option<Arc<dyn KeyRing>>, SettingsError> {
        Ok(wiring::key_ring(&self.encryption, around, env)?)
    }
}

fn reader(cache: &CacheSection, limits: &LimitsSection) -> ReaderSettings {
    let shared = wiring::reader(cache, limits);
    ReaderSettings {
        // A broker asks for its own files as often as for the ends that hold them.
        tail_cache_bytes: shared.tail_cache_bytes / 2,
        broker_file_cache_bytes: shared.tail_cache_bytes / 2,
        // Half is kept for single reads, and a broker makes no others.
        budget_bytes: shared.budget_bytes.saturating_mul(2),
        disk: wiring::disk(cache),
        ..shared
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1 << 20;
    const LEAST: [(&str, &str); 2] = [("cluster.id", "a-cluster"), ("store.url", "s3://bucket/kafka")];

    fn read(more: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let pairs = LEAST.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let vars = [("SECRET".to_owned(), "hush\n".to_owned())].into();
        let around = Surroundings { vars, ..Surroundings::default() };
        Settings::from_pairs(&pairs.collect::<Vec<_>>(), &around).map_err(|error| error.problems)
    }

    #[test]
    fn the_least_is_a_cluster_and_a_store() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.engine.cluster_id.as_str(), "a-cluster");
        assert_eq!(settings.store.url.to_string(), "s3://bucket/kafka");
        assert_eq!(settings.engine.reader.disk, None);
        assert_eq!(settings.engine.broker, None);
        assert!(settings.ring(&Surroundings::default(), &Env::system()).unwrap().is_none());
    }

    #[test]
    fn keys_arrive_where_they_belong() {
        let settings = read(&[
            ("broker.id", "3"),
            ("store.endpoint", "http://127.0.0.1:9000"),
            ("store.aws.access.key.id", "id"),
            ("store.aws.secret.access.key", "env:SECRET"),
            ("store.deadline.read", "400ms"),
            ("limits.read.memory", "64MiB"),
            ("limits.upload.memory", "32MiB"),
            ("cache.memory.blocks", "8MiB"),
            ("cache.memory.indexes", "4MiB"),
            ("cache.disk.max.size", "1GiB"),
            ("cache.disk.dir", "/var/cache/firnline"),
            ("offload.compression", "zstd:1"),
            ("scrub.within", "7d"),
            ("scrub.rate", "1MiB"),
            ("previous.class.name", "somebody.Else"),
        ])
        .unwrap();
        assert_eq!(settings.engine.broker.map(NodeId::get), Some(3));
        assert!(settings.store.allow_http, "the endpoint is this machine");
        let keys = settings.credentials.aws_keys.unwrap();
        assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.expose()), ("id", "hush"));
        let EngineSettings { tier, reader, deadlines, scrub, .. } = settings.engine;
        let scrub = scrub.unwrap();
        assert_eq!((scrub.within, scrub.bytes_per_second), (Duration::from_secs(7 * 86_400), MIB));
        assert_eq!(deadlines.read, Duration::from_millis(400));
        assert_eq!((tier.upload_bytes, reader.budget_bytes), (32 * MIB, 128 * MIB));
        assert_eq!(tier.compression, wiring::compression(firnline_config::value::Codec::Zstd(1)));
        assert_eq!((reader.tail_cache_bytes, reader.broker_file_cache_bytes), (2 * MIB, 2 * MIB));
        assert_eq!(reader.disk.unwrap().max_bytes, 1 << 30);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (more, says) in [
            (&[("cluster.id", "twice")][..], "cluster.id is given twice"),
            (
                &[("store.aws.access.key.id", "id")],
                "store.aws.access.key.id and store.aws.secret.access.key belong together",
            ),
            (&[("store.gcp.service.account.file", "/none/there")], "read /none/there"),
        ] {
            let problems = read(more).unwrap_err();
            assert!(problems.len() == 1 && problems[0].contains(says), "{says}: {problems:?}");
        }
        let settings = read(&[("encryption.keys", "k=env:NONE"), ("encryption.active", "k")]).unwrap();
        let problem = settings.ring(&Surroundings::default(), &Env::system()).unwrap_err();
        assert!(problem.to_string().contains("NONE"), "{problem}");
    }
}
