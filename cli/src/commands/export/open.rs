//! Everything that an export works with, opened.

use std::sync::Arc;

use firnline_decode::SchemaSource;
use firnline_export::Workers;
use firnline_export::cdc::Cdc;
use firnline_export::job::{Append, JobParts, Progress, Shaping, Unwatched};
use firnline_export::metrics::ExportMetrics;
use firnline_export::settings::JobSettings;
use firnline_export::source::TopicSource;
use firnline_index::{PartitionIndex, TopicId};
use firnline_reader::Reader;
use firnline_store::Store;
use firnline_table::catalog::{Catalog, Namespace, TableName};
use firnline_table::io::FileIo;
use firnline_tier::{KnownTopic, Tier};

use super::targets::{Target, Wanted, targets};
use crate::args::GlobalArgs;
use crate::commands::context::Context;
use crate::commands::selection::usage;
use crate::failure::{Failure, Result, codes, of};
use crate::selector::TopicPattern;
use crate::surroundings::Surroundings;
use crate::wiring;

/// What an export works with.
pub(super) struct Opened {
    pub(super) context: Context,
    pub(super) tier: Tier,
    pub(super) reader: Reader,
    pub(super) warehouse: Store,
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) schemas: Option<Arc<dyn SchemaSource>>,
    pub(super) namespace: Namespace,
    pub(super) topics: Vec<TopicPattern>,
}

/// Topics as they were typed.
pub(super) fn patterns(typed: &[String]) -> Result<Vec<TopicPattern>> {
    let patterns = typed.iter().map(|text| text.parse().map_err(usage));
    Ok(patterns.collect::<std::result::Result<Vec<TopicPattern>, Failure>>()?)
}

/// Opens tier, warehouse, catalog and registry.
pub(super) async fn open(
    tier: Option<&str>,
    typed: &[String],
    global: &GlobalArgs,
    around: Surroundings,
) -> Result<Opened> {
    let topics = patterns(typed)?;
    let context = Context::new(global, tier, around)?;
    let config = &context.config;
    let url = wiring::export::warehouse_url(config)?.to_owned();
    let namespace = config.export.namespace.value.0.parse();
    let namespace = namespace.map_err(|error| {
        Failure::new(&codes::CONFIG_INVALID, "export.namespace cannot be used").caused_by(error)
    })?;
    let tier = context.tier().await?;
    let reader = wiring::reader(config, &tier);
    let warehouse = wiring::export::warehouse(config, &url, &context.around, &context.env)?;
    let io = FileIo::new(warehouse.clone()).map_err(|error| {
        Failure::new(&codes::NO_WAREHOUSE, format!("open the warehouse {url}")).caused_by(error)
    })?;
    let catalog = wiring::export::catalog(config, io, &context.around, &context.env).await?;
    let schemas = wiring::export::registry(config, &context.around)?;
    Ok(Opened { tier, reader, warehouse, catalog, schemas, namespace, topics, context })
}

/// A table to be worked on.
pub(super) struct Work {
    pub(super) parts: JobParts,
    pub(super) settings: JobSettings,
    pub(super) is_current: bool,
    pub(super) has_changes: bool,
}

/// How an export was asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) skip_gone: bool,
    pub(super) continue_as: Option<TopicId>,
}

impl Opened {
    /// The topics that are to be exported.
    pub(super) async fn targets(&self) -> Result<Vec<Target<'_>>> {
        targets(&self.tier, &self.context.config, &self.topics).await
    }

    /// The full name of a table.
    pub(super) fn name(&self, name: &str) -> Result<TableName> {
        let named = TableName::new(self.namespace.clone(), name);
        Ok(named.map_err(|error| {
            Failure::new(&codes::CONFIG_INVALID, format!("the table name {name:?} cannot be used"))
                .caused_by(error)
        })?)
    }

    /// The partitions of a topic that the tier has.
    pub(super) async fn partitions(&self, topic: &KnownTopic) -> Result<Vec<PartitionIndex>> {
        let partitions = self.tier.partitions(topic).await.map_err(of::list)?;
        Ok(partitions.into_iter().map(|tip| tip.partition).collect())
    }

    /// Where the records of a topic come from.
    pub(super) fn source(&self, topic: &KnownTopic) -> TopicSource {
        TopicSource::new(self.reader.clone(), topic.topic.clone(), topic.topic_id)
    }

    /// All tables of the topics, ready to be worked on.
    pub(super) async fn work(&self, asked: &Asked, progress: Option<Arc<dyn Progress>>) -> Result<Vec<Work>> {
        let targets = self.targets().await?;
        let tables = targets.iter().map(|target| target.tables.len()).sum();
        let mut all = Vec::new();
        for target in &targets {
            let partitions = self.partitions(&target.topic).await?;
            for Wanted { name, changes } in &target.tables {
                let mut settings =
                    wiring::export::job(&self.context.config, target.section, asked.skip_gone, tables)?;
                settings.continue_as = asked.continue_as;
                let is_current = changes
                    .as_ref()
                    .is_some_and(|changes| changes.table == firnline_export::cdc::CdcTable::Current);
                if is_current {
                    // A row that changes must not move to where its delete does not reach.
                    settings.table.partitioning = Vec::new();
                }
                let clock = Arc::clone(&self.context.env.clock);
                let shaping: Arc<dyn Shaping> = match changes {
                    None => Arc::new(Append),
                    Some(changes) => {
                        let cdc = Cdc::new(changes.clone(), partitions.len(), clock);
                        // JSON that is not declared carries its schema with it.
                        let inline = matches!(
                            settings.rows.value,
                            firnline_export::rows::Part::String | firnline_export::rows::Part::Binary
                        );
                        Arc::new(if inline { cdc.inline() } else { cdc })
                    }
                };
                let parts = JobParts {
                    source: self.source(&target.topic),
                    cluster: self.tier.cluster_id().clone(),
                    partitions: partitions.clone(),
                    catalog: Arc::clone(&self.catalog),
                    table: self.name(name)?,
                    schemas: self.schemas.clone(),
                    shaping,
                    env: self.context.env.clone(),
                    workers: Workers::Threads,
                    metrics: Arc::new(ExportMetrics::default()),
                    progress: progress.clone().unwrap_or_else(|| Arc::new(Unwatched)),
                };
                all.push(Work { parts, settings, is_current, has_changes: changes.is_some() });
            }
        }
        Ok(all)
    }
}

/// A topic id as it was typed.
pub(super) fn topic_id(typed: Option<&str>) -> Result<Option<TopicId>> {
    let Some(typed) = typed else { return Ok(None) };
    Ok(Some(typed.parse().map_err(|error| usage(format!("--continue-as: {error}")))?))
}
