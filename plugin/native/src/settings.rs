//! From the keys that the broker passes on to an engine's settings. All that is wrong is told at once.
//!
//! The keys are those of docs/config.md, `store.url` for `url` in `[store]`, besides `cluster.id`, which a broker does not
//! tell its plugins, and `broker.id` and `node.id`, which it does. Keys that begin with `previous.` are the Java shell's.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use firnline_index::{ClusterId, NodeId};
use firnline_reader::{DiskSettings, ReaderSettings};
use firnline_store::credentials::{AwsKeys, CredentialInputs, ENVIRONMENT};
use firnline_store::{Deadlines, MIN_PART_SIZE, RetryPolicy, Secret, StoreSettings, StoreUrl};
use firnline_tier::{SegmentForm, TierSettings};

use crate::engine::{EngineDeadlines, EngineSettings};

/// Threads of an engine: they wait for the store and check blocks. What blocks has threads of its own.
const THREADS: usize = 4;
/// How often manifests are written.
const PROJECTION_INTERVAL: Duration = Duration::from_secs(60);
/// Keys that others read.
const OF_THE_SHELL: &str = "previous.";
/// The largest file read as a secret, in bytes: a path given by mistake must not fill the memory.
const SECRET_MAX: u64 = 64 << 10;

const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// Everything that an engine is told.
#[derive(Debug)]
pub struct Settings {
    /// How it works.
    pub engine: EngineSettings,
    /// Where the tier is.
    pub store: StoreSettings,
    /// How to log in there.
    pub credentials: CredentialInputs,
    /// The broker that it works for, where it was told.
    pub broker: Option<i32>,
    /// The call that panics.
    #[cfg(feature = "fault-injection")]
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

impl Settings {
    /// Reads keys and values. `environment` is the process's, for credentials that stand there.
    ///
    /// # Errors
    /// Every key that is missing, unknown or of no usable value.
    pub fn from_pairs(
        pairs: &[(String, String)],
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut keys = Keys { given: BTreeMap::new(), known: Vec::new(), problems: Vec::new(), environment };
        for (key, value) in pairs {
            if keys.given.insert(key, value).is_some() {
                keys.problems.push(format!("{key} is given twice"));
            }
        }
        let cluster_id = keys.required("cluster.id", |text| ClusterId::new(text).map_err(line));
        let url = keys.required("store.url", |text| text.parse::<StoreUrl>().map_err(line));
        let broker = keys.optional("broker.id", number).or(keys.optional("node.id", number));
        let store = keys.store(url.clone().unwrap_or(StoreUrl::Memory));
        let credentials = keys.credentials();
        let reader = keys.reader();
        let upload = keys.size("limits.upload_memory", 16 * MIB, TIB);
        let projection_interval = keys.wait("projection.interval", PROJECTION_INTERVAL);
        #[cfg(feature = "fault-injection")]
        let panic_in = keys.optional("fault.panic", |text| Ok(text.to_owned()));
        keys.refuse_unknown();
        let (Some(cluster_id), Some(_), true) = (cluster_id, url, keys.problems.is_empty()) else {
            return Err(SettingsError { problems: keys.problems });
        };
        let mut tier = TierSettings::for_store(&store);
        tier.upload_bytes = upload.unwrap_or(tier.upload_bytes);
        let deadlines = EngineDeadlines {
            read: store.deadlines.read,
            delete: store.deadlines.write,
            copy: store.deadlines.write,
            ..EngineDeadlines::default()
        };
        let form = SegmentForm::default();
        let engine = EngineSettings {
            cluster_id,
            tier,
            reader,
            form,
            deadlines,
            threads: THREADS,
            broker: broker.and_then(|broker| NodeId::new(broker).ok()),
            projection_interval,
        };
        Ok(Self {
            engine,
            store,
            credentials,
            broker,
            #[cfg(feature = "fault-injection")]
            panic_in,
        })
    }
}

/// The keys that are left, and what was found wrong so far.
struct Keys<'a> {
    given: BTreeMap<&'a str, &'a str>,
    known: Vec<&'static str>,
    problems: Vec<String>,
    environment: &'a BTreeMap<String, String>,
}

impl Keys<'_> {
    fn optional<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.known.push(key);
        let text = self.given.remove(key)?.trim();
        match parse(text) {
            Ok(value) => Some(value),
            Err(why) => {
                self.problems.push(format!("{key}: {why}"));
                None
            }
        }
    }

    fn required<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        if !self.given.contains_key(key) {
            self.problems.push(format!("{key} is missing"));
        }
        self.optional(key, parse)
    }

    fn size(&mut self, key: &'static str, min: u64, max: u64) -> Option<u64> {
        self.optional(key, |text| within(size(text)?, min, max))
    }

    fn wait(&mut self, key: &'static str, default: Duration) -> Duration {
        self.optional(key, duration).unwrap_or(default)
    }

    fn store(&mut self, url: StoreUrl) -> StoreSettings {
        let text = |text: &str| Ok(text.to_owned());
        let defaults = StoreSettings::new(url);
        let endpoint = self.optional("store.endpoint", text);
        let local = endpoint.as_deref().is_some_and(is_this_machine);
        let attempts = self.optional("store.retry.attempts", |text| within(number::<u64>(text)?, 1, 100));
        let places = self.optional("store.upload_concurrency", |text| within(number::<u64>(text)?, 1, 64));
        StoreSettings {
            region: self.optional("store.region", text),
            account: self.optional("store.account", text),
            path_style: self.optional("store.path_style", flag),
            allow_http: self.optional("store.allow_http", flag).unwrap_or(local),
            storage_class: self.optional("store.storage_class", text),
            part_size: self.size("store.part_size", MIN_PART_SIZE, 1 << 30).unwrap_or(defaults.part_size),
            upload_concurrency: places.map_or(defaults.upload_concurrency, small),
            deadlines: Deadlines {
                read: self.wait("store.deadline.read", defaults.deadlines.read),
                write: self.wait("store.deadline.write", defaults.deadlines.write),
                attempt: self.wait("store.deadline.attempt", defaults.deadlines.attempt),
                connect: self.wait("store.deadline.connect", defaults.deadlines.connect),
                ..defaults.deadlines
            },
            retry: RetryPolicy {
                max_attempts: attempts.map_or(defaults.retry.max_attempts, small),
                ..defaults.retry
            },
            endpoint,
            ..defaults
        }
    }

    fn credentials(&mut self) -> CredentialInputs {
        let environment = self.environment;
        let secret = |text: &str| secret(text, environment);
        let id = self.optional("store.aws.access_key_id", |text| Ok(text.to_owned()));
        let key = self.optional("store.aws.secret_access_key", secret);
        let session_token = self.optional("store.aws.session_token", secret);
        let aws_keys = match (id, key) {
            (Some(access_key_id), Some(secret_access_key)) => {
                Some(AwsKeys { access_key_id, secret_access_key, session_token })
            }
            (None, None) => None,
            _ => {
                let pair = "store.aws.access_key_id and store.aws.secret_access_key belong together";
                self.problems.push(format!("{pair}, and one is missing or cannot be read"));
                None
            }
        };
        let variable = |name: &&str| Some(((*name).to_owned(), Secret::new(environment.get(*name)?)));
        CredentialInputs {
            anonymous: self.optional("store.anonymous", flag).unwrap_or(false),
            aws_keys,
            environment: ENVIRONMENT.iter().filter_map(variable).collect(),
            ..CredentialInputs::default()
        }
    }

    fn reader(&mut self) -> ReaderSettings {
        let defaults = ReaderSettings::default();
        let indexes = self.size("cache.memory.indexes", MIB, TIB).unwrap_or(32 * MIB);
        let blocks = self.size("cache.memory.blocks", MIB, TIB).unwrap_or(defaults.block_cache_bytes);
        let manifests = self.size("cache.memory.manifests", MIB, TIB).unwrap_or(32 * MIB);
        let read = self.size("limits.read_memory", 16 * MIB, TIB).unwrap_or(defaults.budget_bytes);
        let ahead = self.size("limits.readahead", MIB, 1 << 30).unwrap_or(defaults.readahead_bytes);
        let disk_bytes = self.size("cache.disk.max_size", 0, 1024 * TIB).unwrap_or(0);
        let dir = self.optional("cache.disk.dir", |text| {
            let absolute = text.starts_with('/');
            absolute.then(|| PathBuf::from(text)).ok_or_else(|| format!("{text:?} is no absolute path"))
        });
        if disk_bytes > 0 && dir.is_none() {
            self.problems.push("cache.disk.dir is missing, and cache.disk.max_size is set".to_owned());
        }
        ReaderSettings {
            manifest_cache_bytes: manifests,
            // A broker asks for its own files as often as for the ends that hold them.
            tail_cache_bytes: indexes / 2,
            broker_file_cache_bytes: indexes / 2,
            block_cache_bytes: blocks,
            // Half is kept for single reads, and a broker makes no others.
            budget_bytes: read.saturating_mul(2),
            readahead_bytes: ahead,
            disk: dir.filter(|_| disk_bytes > 0).map(|dir| DiskSettings { dir, max_bytes: disk_bytes }),
            ..defaults
        }
    }

    fn refuse_unknown(&mut self) {
        for key in self.given.keys().filter(|key| !key.starts_with(OF_THE_SHELL)) {
            let nearest = self.known.iter().map(|known| (strsim::jaro_winkler(key, known), known));
            let nearest = nearest.filter(|(alike, _)| *alike > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
            let hint = nearest.map_or_else(String::new, |(_, known)| format!("; did you mean {known}?"));
            self.problems.push(format!("{key} is not known{hint}"));
        }
    }
}

fn line(error: impl fmt::Display) -> String {
    error.to_string()
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number in range"))
}

fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{text:?} is neither true nor false"))
}

fn within(value: u64, min: u64, max: u64) -> Result<u64, String> {
    if (min..=max).contains(&value) { Ok(value) } else { Err(format!("{value} lies outside {min}..={max}")) }
}

/// A count that was bounded far below what any number type holds.
fn small<T: TryFrom<u64>>(value: u64) -> T {
    T::try_from(value).unwrap_or_else(|_| unreachable!("counts are bounded where they are read"))
}

/// A whole number and a unit: `320MiB`.
fn size(text: &str) -> Result<u64, String> {
    let units = [("TiB", TIB), ("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1 << 10), ("B", 1)];
    with_unit(text, &units).ok_or_else(|| format!("{text:?} is not a size such as 320MiB"))
}

/// A whole number and a unit: `30s`.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let ms = with_unit(text, &units).ok_or_else(|| format!("{text:?} is not a duration such as 30s"))?;
    within(ms, 100, 3_600_000).map(Duration::from_millis).map_err(|why| format!("{why} milliseconds"))
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, one) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*one)
}

/// Where a secret stands: `file:/PATH` or `env:NAME`.
fn secret(text: &str, environment: &BTreeMap<String, String>) -> Result<Secret, String> {
    let found = match text.split_once(':') {
        Some(("env", name)) if !name.is_empty() => environment
            .get(name)
            .cloned()
            .ok_or_else(|| format!("the environment variable {name} is not set (or not UTF-8)"))?,
        Some(("file", path)) if path.starts_with('/') => {
            read_small(path).map_err(|error| format!("read the secret file {path}: {error}"))?
        }
        // The text is not repeated: it may be the secret itself.
        _ => return Err("name where the secret stands, as file:/PATH or env:NAME".to_owned()),
    };
    let found = found.trim_end_matches(['\r', '\n']);
    if found.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(Secret::new(found)) }
}

fn read_small(path: &str) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(SECRET_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > SECRET_MAX {
        return Err(std::io::Error::other(format!("it has more than {SECRET_MAX} bytes")));
    }
    Ok(text)
}

fn is_this_machine(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|v6| v6.split(']').next()).or(host.split(':').next());
    host.is_some_and(|host| {
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let pairs: Vec<_> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let environment = BTreeMap::from([("SECRET".to_owned(), "hush\n".to_owned())]);
        Settings::from_pairs(&pairs, &environment).map_err(|error| error.problems)
    }

    const LEAST: [(&str, &str); 2] = [("cluster.id", "a-cluster"), ("store.url", "s3://bucket/kafka")];

    #[test]
    fn the_least_is_a_cluster_and_a_store() {
        let settings = read(&LEAST).unwrap();
        assert_eq!(settings.engine.cluster_id.as_str(), "a-cluster");
        assert_eq!(settings.store.url.to_string(), "s3://bucket/kafka");
        assert_eq!(settings.engine.reader.disk, None);
        assert_eq!(settings.broker, None);
    }

    #[test]
    fn keys_arrive_where_they_belong() {
        let more = [
            ("broker.id", "3"),
            ("store.endpoint", "http://127.0.0.1:9000"),
            ("store.aws.access_key_id", "id"),
            ("store.aws.secret_access_key", "env:SECRET"),
            ("store.deadline.read", "400ms"),
            ("limits.read_memory", "64MiB"),
            ("limits.upload_memory", "32MiB"),
            ("cache.memory.blocks", "8MiB"),
            ("cache.memory.indexes", "4MiB"),
            ("cache.disk.max_size", "1GiB"),
            ("cache.disk.dir", "/var/cache/firnline"),
            ("previous.class.name", "somebody.Else"),
        ];
        let settings = read(&[&LEAST[..], &more].concat()).unwrap();
        assert_eq!(settings.broker, Some(3));
        assert!(settings.store.allow_http, "the endpoint is this machine");
        let keys = settings.credentials.aws_keys.unwrap();
        assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.expose()), ("id", "hush"));
        let EngineSettings { tier, reader, deadlines, .. } = settings.engine;
        assert_eq!(deadlines.read, Duration::from_millis(400));
        assert_eq!((tier.upload_bytes, reader.budget_bytes), (32 * MIB, 128 * MIB));
        assert_eq!((reader.tail_cache_bytes, reader.broker_file_cache_bytes), (2 * MIB, 2 * MIB));
        assert_eq!(reader.disk.unwrap().max_bytes, 1 << 30);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let problems = read(&[
            ("store.urll", "s3://bucket"),
            ("cache.memory.blocks", "8"),
            ("limits.read_memory", "1KiB"),
            ("store.allow_http", "yes"),
            ("store.aws.secret_access_key", "hush"),
            ("cache.disk.max_size", "1GiB"),
        ])
        .unwrap_err();
        for part in [
            "cluster.id is missing",
            "store.url is missing",
            "store.urll is not known; did you mean store.url?",
            "cache.memory.blocks: \"8\" is not a size such as 320MiB",
            "limits.read_memory: 1024 lies outside 16777216..=",
            "store.allow_http: \"yes\" is neither true nor false",
            "store.aws.secret_access_key: name where the secret stands",
            "cache.disk.dir is missing",
        ] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
        }
        assert!(problems.iter().all(|problem| !problem.contains("hush")), "{problems:?}");
    }
}
