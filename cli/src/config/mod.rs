//! The config file: TOML sections into one struct; every bad value reported in one run.
//!
//! This is the *shape of the file*. What components take are their own settings structs; `crate::wiring` turns the one into
//! the other, key by key.

mod load;
#[cfg(feature = "http")]
mod restart;
pub mod sections;
mod show;
mod together;
mod value;

#[cfg(test)]
mod tests;

pub use firnline_config::SecretRef;
pub use firnline_config::section::{Key, Section};
pub use firnline_config::source::{Origin, Set};
pub use load::load;
#[cfg(all(test, feature = "sidecar"))]
pub use load::parse;
pub use show::{Scope, show};
pub use value::Address;
#[cfg(feature = "sidecar")]
pub use value::Mechanism;
#[cfg(feature = "export")]
pub use value::{CatalogAuth, CatalogKind, CdcMode, HeadersMode, PartMode, Text, TruncatePolicy};
#[cfg(any(feature = "serve", feature = "export"))]
pub use value::{FilePath, Value};
#[cfg(feature = "serve")]
pub use value::{List, Reader};

use sections::{
    CacheSection, EncryptionSection, ExportSection, ExportTopicSection, HttpSection, KafkaSection,
    LimitsSection, OffloadSection, ProxySection, SegmentsSection, ServeRuleSection, ServeSection,
    StoreSection, TopicSection,
};

/// Everything a config file can say.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[store]`
    pub store: StoreSection,
    /// `[cache]`
    pub cache: CacheSection,
    /// `[limits]`
    pub limits: LimitsSection,
    /// `[offload]`
    pub offload: OffloadSection,
    /// `[offload]`, what the plugin has, too.
    pub segments: SegmentsSection,
    /// `[kafka]`
    pub kafka: KafkaSection,
    /// `[encryption]`
    pub encryption: EncryptionSection,
    /// `[http]`
    pub http: HttpSection,
    /// `[proxy]`
    pub proxy: ProxySection,
    /// `[serve]`
    pub serve: ServeSection,
    /// `[[serve.rule]]`: each allows something.
    pub serve_rules: Vec<ServeRuleSection>,
    /// `[export]`
    pub export: ExportSection,
    /// `[[export.topic]]`, in the order of the file: the first whose name matches holds.
    pub export_topics: Vec<ExportTopicSection>,
    /// `[[topic]]`, in the order of the file: the first whose name matches holds.
    pub topics: Vec<TopicSection>,
}

/// A section as the reference shows it.
#[derive(Debug)]
pub struct SectionReference {
    /// Its head in the file.
    pub head: String,
    /// What it is about.
    pub doc: &'static [&'static str],
    /// Its keys.
    pub keys: Vec<Key>,
}

/// All sections, in the order of the reference.
pub fn reference() -> Vec<SectionReference> {
    fn of<S: Section>() -> SectionReference {
        SectionReference { head: format!("[{}]", S::NAME), doc: S::DOC, keys: S::keys() }
    }
    let (rule, exported, topic) =
        (of::<ServeRuleSection>(), of::<ExportTopicSection>(), of::<TopicSection>());
    let mut offload = of::<OffloadSection>();
    offload.keys.extend(SegmentsSection::keys());
    vec![
        of::<StoreSection>(),
        of::<CacheSection>(),
        of::<LimitsSection>(),
        offload,
        of::<KafkaSection>(),
        of::<EncryptionSection>(),
        of::<HttpSection>(),
        of::<ProxySection>(),
        of::<ServeSection>(),
        SectionReference { head: format!("[{}]", rule.head), ..rule },
        of::<ExportSection>(),
        SectionReference { head: format!("[{}]", exported.head), ..exported },
        SectionReference { head: format!("[{}]", topic.head), ..topic },
    ]
}
