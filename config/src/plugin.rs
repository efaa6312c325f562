//! The keys of the broker plugin: shared sections and its own, spelled as a broker spells its keys. `cache.disk.max_size` is
//! `rsm.config.cache.disk.max.size` in `server.properties`.

use crate::environment;
use crate::section::{Key, Section};
use crate::sections::{
    CacheSection, EncryptionSection, LimitsSection, PluginSection, SegmentsSection, StoreSection,
};
use crate::source::{Source, Spelling};
use crate::surroundings::Surroundings;
use crate::together;

/// What stands before each key in `server.properties`.
pub const PREFIX: &str = "rsm.config.";

/// Shared keys that mean nothing in a broker: it has no price list, and decides itself how many segments it copies at once.
const ELSEWHERE: [&str; 2] = ["store.price_file", "limits.parallel_partitions"];

/// Everything that a broker's properties say.
#[derive(Debug, Clone)]
pub struct PluginConfig {
    /// What belongs to the plugin alone.
    pub plugin: PluginSection,
    /// `store.`
    pub store: StoreSection,
    /// `cache.`
    pub cache: CacheSection,
    /// `limits.`
    pub limits: LimitsSection,
    /// `offload.`
    pub segments: SegmentsSection,
    /// `encryption.`
    pub encryption: EncryptionSection,
}

/// Reads the keys behind [`PREFIX`].
///
/// # Errors
/// All that is wrong at once, each naming its key: missing, unknown, of no usable value.
pub fn parse(pairs: &[(String, String)], around: &Surroundings) -> Result<PluginConfig, Vec<String>> {
    let mut source = Source::of_broker(pairs);
    for key in ELSEWHERE.map(|key| Spelling::Dotted.of(key)) {
        if source.pass_over(&key) {
            source.problem(0, format!("{key} means nothing in a broker"));
        }
    }
    let mut config = PluginConfig {
        plugin: PluginSection::take("", &mut source),
        store: StoreSection::take("store.", &mut source),
        cache: CacheSection::take("cache.", &mut source),
        limits: LimitsSection::take("limits.", &mut source),
        segments: SegmentsSection::take("offload.", &mut source),
        encryption: EncryptionSection::take("encryption.", &mut source),
    };
    for key in
        ["cluster.id", "store.url"].into_iter().filter(|key| !pairs.iter().any(|(given, _)| given == key))
    {
        source.problem(0, format!("{key} is missing"));
    }
    let mut all: Vec<_> = source.finish(&[], &[]).into_iter().map(|problem| problem.what).collect();
    let mut problems = Vec::new();
    together::cache(&config.cache, &mut problems);
    together::encryption(&config.encryption, std::iter::empty(), &mut problems);
    environment::lay_over(&mut config.store, around, &mut problems);
    all.extend(problems.into_iter().map(|problem| spelled(&problem.what)));
    if all.is_empty() { Ok(config) } else { Err(all) }
}

/// Text that names keys, with the keys as a broker spells them.
#[must_use]
pub fn spelled(text: &str) -> String {
    let mut text = text.to_owned();
    for (declared, _) in keys().filter(|(declared, _)| declared.contains('_')) {
        text = text.replace(&declared, &Spelling::Dotted.of(&declared));
    }
    text
}

/// Every key, as it is declared, with its reference.
pub fn keys() -> impl Iterator<Item = (String, Key)> {
    fn of<S: Section>() -> impl Iterator<Item = (String, Key)> {
        let prefix = if S::NAME.is_empty() { String::new() } else { format!("{}.", S::NAME) };
        S::keys().into_iter().map(move |key| (format!("{prefix}{}", key.name), key))
    }
    let all = of::<PluginSection>()
        .chain(of::<StoreSection>())
        .chain(of::<CacheSection>())
        .chain(of::<LimitsSection>())
        .chain(of::<SegmentsSection>())
        .chain(of::<EncryptionSection>());
    all.filter(|(name, _)| !ELSEWHERE.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<PluginConfig, Vec<String>> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        parse(&pairs.iter().map(owned).collect::<Vec<_>>(), &Surroundings::default())
    }

    const LEAST: [(&str, &str); 2] = [("cluster.id", "a-cluster"), ("store.url", "s3://bucket/kafka")];

    #[test]
    fn keys_are_spelled_as_a_broker_spells_its_own() {
        let more = [
            ("store.path.style", "true"),
            ("cache.disk.max.size", "1GiB"),
            ("cache.disk.dir", " /var/cache/firnline "),
            ("encryption.keys", "a=env:A,b=file:/b"),
            ("encryption.active", "b"),
            ("offload.block.size", "64KiB"),
        ];
        let config = read(&[&LEAST[..], &more].concat()).unwrap();
        assert_eq!(config.store.path_style.value, Some(true));
        assert_eq!(config.cache.disk_max_size.value.0, 1 << 30);
        assert_eq!(config.cache.disk_dir.value.unwrap().0.to_str(), Some("/var/cache/firnline"));
        assert_eq!(config.encryption.keys.value.0.len(), 2);
        assert_eq!(config.segments.block_size.value.0, 64 << 10);
        assert_eq!(config.limits.readahead.value.0, 160 << 20, "a default");
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let problems = read(&[
            ("store.urll", "s3://bucket"),
            ("cache.disk.max_size", "1GiB"),
            ("cache.memory.blocks", "8"),
            ("limits.read.memory", "1KiB"),
            ("store.allow.http", ""),
            ("store.aws.secret.access.key", "hush"),
            ("limits.parallel.partitions", "8"),
            ("encryption.topics", "true"),
        ])
        .unwrap_err();
        for part in [
            "cluster.id is missing",
            "store.url is missing",
            "store.urll is not a known key; did you mean store.url?",
            "cache.disk.max_size is not a known key; did you mean cache.disk.max.size?",
            "cache.memory.blocks: \"8\" is not a size",
            "limits.read.memory: 1KiB is not between",
            "store.allow.http: is empty",
            "store.aws.secret.access.key: a secret is not written here",
            "limits.parallel.partitions means nothing in a broker",
            "there is no ring",
        ] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:#?}");
        }
        assert!(problems.iter().all(|problem| !problem.contains("hush")), "{problems:?}");
        assert_eq!(problems.len(), 10, "{problems:#?}");
    }

    #[test]
    fn what_does_not_fit_together_is_named_as_a_broker_names_it() {
        let problems = read(&[&LEAST[..], &[("cache.disk.max.size", "1MiB")]].concat()).unwrap_err();
        assert!(problems.iter().all(|problem| problem.starts_with("cache.disk.max.size:")), "{problems:?}");
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn no_two_keys_are_spelled_alike() {
        let mut spelled: Vec<_> = keys().map(|(name, _)| Spelling::Dotted.of(&name)).collect();
        spelled.sort_unstable();
        let all = spelled.len();
        spelled.dedup();
        assert_eq!(spelled.len(), all);
    }

    #[test]
    fn what_the_clouds_own_tools_read_stands_in_for_what_is_not_said() {
        let around = Surroundings {
            vars: [("AWS_REGION".to_owned(), "eu-1".to_owned())].into(),
            ..Surroundings::default()
        };
        let pairs = LEAST.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(parse(&pairs, &around).unwrap().store.region.value.unwrap().0, "eu-1");
    }
}
