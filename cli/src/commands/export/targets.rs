//! Which topics go into which tables.

use std::collections::BTreeMap;

use firnline_export::cdc::CdcSettings;
use firnline_export::job::{Collision, dead_letter_name, table_name};
use firnline_index::TopicName;
use firnline_tier::{KnownTopic, Tier};

use crate::config::Config;
use crate::config::sections::ExportTopicSection;
use crate::failure::{Failure, Result, codes, of};
use crate::selector::TopicPattern;
use crate::wiring::export as wiring;

/// A topic, and what is said of it.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// The topic.
    pub(super) topic: KnownTopic,
    /// Its section of the config; none where only the command line names it.
    pub(super) section: Option<&'a ExportTopicSection>,
    /// Its tables.
    pub(super) tables: Vec<Wanted>,
}

/// A table of a topic.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Its name, without the namespace.
    pub(super) name: String,
    /// What changes become in it, where the topic captures them.
    pub(super) changes: Option<CdcSettings>,
}

/// The live topics of the tier that are to be exported, by name: those of which a section says something and, where topics
/// were typed, that one of these matches; topics that are typed and have no section, too.
pub(super) async fn targets<'a>(
    tier: &Tier,
    config: &'a Config,
    typed: &[TopicPattern],
) -> Result<Vec<Target<'a>>> {
    let known = tier.topics().await.map_err(of::list)?;
    let mut by_name: BTreeMap<TopicName, Vec<KnownTopic>> = BTreeMap::new();
    for topic in known {
        by_name.entry(topic.topic.clone()).or_default().push(topic);
    }
    let mut targets = Vec::new();
    for (name, known) in by_name {
        let section = config
            .export_topics
            .iter()
            .find(|section| section.name.value.as_ref().is_some_and(|pattern| pattern.matches(&name)));
        let is_typed = typed.iter().any(|pattern| pattern.matches(&name));
        if !is_typed && (section.is_none() || !typed.is_empty()) {
            continue;
        }
        // A plain name means the live id.
        let topic = firnline_tier::resolve(&name, None, &known).map_err(of::resolve)?.clone();
        targets.push(Target { topic, section, tables: tables(config, section, &name) });
    }
    if targets.is_empty() {
        return Err(Failure::new(&codes::NO_TABLES, "no topic of the tier is to be exported").into());
    }
    apart(&targets)?;
    Ok(targets)
}

fn tables(config: &Config, section: Option<&ExportTopicSection>, topic: &TopicName) -> Vec<Wanted> {
    let prefix = config.export.table_prefix.value.as_ref().map_or("", |text| text.0.as_str());
    let named = section.and_then(|section| section.table.value.as_ref());
    let name = named.map_or_else(|| table_name(prefix, topic), |text| text.0.clone());
    match wiring::changes(section) {
        None => vec![Wanted { name, changes: None }],
        Some((changelog, current)) => {
            let current =
                current.map(|current| Wanted { name: format!("{name}_current"), changes: Some(current) });
            [Wanted { name, changes: Some(changelog) }].into_iter().chain(current).collect()
        }
    }
}

/// Whether no two of them want one table.
fn apart(targets: &[Target<'_>]) -> Result<()> {
    let mut taken: BTreeMap<String, &TopicName> = BTreeMap::new();
    for target in targets {
        for Wanted { name, .. } in &target.tables {
            for name in [name.clone(), dead_letter_name(name)] {
                let Some(first) = taken.insert(name.clone(), &target.topic.topic) else { continue };
                let (first, second) = (first.to_string(), target.topic.topic.to_string());
                return Err(of::export_name(Collision { table: name, first, second }).into());
            }
        }
    }
    Ok(())
}
