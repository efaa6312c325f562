//! One stretch of a partition's log: read, encoded, kept in memory until all of its files are known.

use std::sync::Arc;

use arrow_array::RecordBatch;
use firnline_decode::SchemaSource;
use firnline_index::{LeaderEpoch, Offset};

use super::PlainError;
use super::files::Finished;
use super::footer::{COLUMNS, TOPIC_ID};
use super::names::{dead_prefix, rows_prefix};
use super::settings::PlainSettings;
use crate::files::{ByDay, FileSet, FileSettings, MemorySink, Naming, Unpartitioned};
use crate::rows::{
    Encoded, KafkaColumn, Layout, Pumped, RowEncoder, RowPump, RowSettings, RowStats, dead_letter_schema,
};
use crate::source::{RawBatches, TopicSource};
use crate::workers::Workers;

/// What all stretches of an export are made with.
pub(super) struct Making {
    pub(super) source: TopicSource,
    pub(super) rows: RowSettings,
    pub(super) schemas: Option<Arc<dyn SchemaSource>>,
    pub(super) settings: PlainSettings,
    pub(super) workers: Workers,
    /// What dead letters say, in microseconds since 1970.
    pub(super) exported_at: i64,
}

/// A stretch being made.
pub(super) struct Stretching<'a> {
    making: &'a Making,
    pump: RowPump,
    rows: FileSet<ByDay>,
    dead: FileSet<Unpartitioned>,
    rows_sink: MemorySink,
    dead_sink: MemorySink,
    /// How many sets of files there were: one for each set of columns.
    sets: u32,
    finished: Vec<Finished>,
    finished_bytes: u64,
    /// Rows that are encoded while the next ones are decoded.
    waiting: Option<Encoded>,
    stats: RowStats,
    /// The end of the last batch pushed.
    end: Option<(Offset, Option<LeaderEpoch>)>,
}

impl<'a> Stretching<'a> {
    pub(super) fn begin(making: &'a Making, layout: &Arc<Layout>) -> Result<Self, PlainError> {
        let encoder = RowEncoder::new(Arc::clone(layout), making.rows.clone(), making.exported_at)?;
        let pump = RowPump::new(encoder, making.schemas.clone(), making.workers);
        let (rows_sink, dead_sink) = (MemorySink::default(), MemorySink::default());
        let topic = making.source.topic();
        let dead = FileSet::new(
            dead_letter_schema(),
            making.file_settings(None),
            Naming { prefix: dead_prefix(topic), stem: String::new() },
            Unpartitioned,
            Arc::new(dead_sink.clone()),
            making.workers,
        )?;
        Ok(Self {
            rows: making.file_set(layout, &rows_sink, 0)?,
            making,
            pump,
            dead,
            rows_sink,
            dead_sink,
            sets: 1,
            finished: Vec::new(),
            finished_bytes: 0,
            waiting: None,
            stats: RowStats::default(),
            end: None,
        })
    }

    /// Takes batches and does all that can be done with them.
    pub(super) async fn push(&mut self, batches: RawBatches) -> Result<(), PlainError> {
        if let Some(last) = batches.batches().last() {
            let before = self.end.and_then(|(_, epoch)| epoch);
            self.end = Some((last.header.next_offset(), last.header.leader_epoch.or(before)));
        }
        self.pump.push(batches)?;
        loop {
            let waiting = self.waiting.take();
            let (written, pumped) =
                futures::join!(write(&mut self.rows, &mut self.dead, waiting), self.pump.next());
            written?;
            match pumped? {
                Pumped::Hungry => return Ok(()),
                Pumped::Rows(encoded) => self.keep(encoded),
                Pumped::Grow(grown) => {
                    let encoded = self.pump.relayout(grown.layout.clone()).await?;
                    let encoded = encoded.map(|encoded| self.counted(encoded));
                    write(&mut self.rows, &mut self.dead, encoded).await?;
                    self.next_set(&Arc::new(grown.layout)).await?;
                }
            }
        }
    }

    fn keep(&mut self, encoded: Encoded) {
        self.waiting = Some(self.counted(encoded));
    }

    fn counted(&mut self, encoded: Encoded) -> Encoded {
        self.stats.add(&encoded.stats);
        encoded
    }

    /// Files of other columns from here on.
    async fn next_set(&mut self, layout: &Arc<Layout>) -> Result<(), PlainError> {
        self.end_set().await?;
        self.rows = self.making.file_set(layout, &self.rows_sink, self.sets)?;
        self.sets += 1;
        Ok(())
    }

    async fn end_set(&mut self) -> Result<(), PlainError> {
        let written = self.rows.end_files().await?;
        let mut chunks = self.rows_sink.take();
        for file in written {
            let directory = file.location.rsplit_once('/').map_or("", |(directory, _)| directory);
            self.finished_bytes += file.size;
            self.finished.push(Finished {
                directory: format!("{directory}/"),
                chunks: chunks.remove(&file.location).unwrap_or_default(),
                rows: file.rows,
            });
        }
        Ok(())
    }

    /// About how many bytes the files come to.
    pub(super) fn bytes(&self) -> u64 {
        self.finished_bytes + self.rows.open_bytes() + self.dead.bytes() + self.pump.memory() as u64 / 4
    }

    /// Where the last batch ends that was pushed, and its leader epoch.
    pub(super) fn end(&self) -> Option<(Offset, Option<LeaderEpoch>)> {
        self.end
    }

    /// All files, and the columns at the end.
    pub(super) async fn finish(
        mut self,
    ) -> Result<(Vec<Finished>, RowStats, Option<Arc<Layout>>), PlainError> {
        let waiting = self.waiting.take();
        write(&mut self.rows, &mut self.dead, waiting).await?;
        if let Some(encoded) = self.pump.flush().await? {
            let encoded = self.counted(encoded);
            write(&mut self.rows, &mut self.dead, Some(encoded)).await?;
        }
        let layout = self.pump.layout().cloned();
        self.end_set().await?;
        let directory = dead_prefix(self.making.source.topic());
        let written = self.dead.finish().await?;
        let mut chunks = self.dead_sink.take();
        for file in written {
            let chunks = chunks.remove(&file.location).unwrap_or_default();
            self.finished.push(Finished { directory: directory.clone(), chunks, rows: file.rows });
        }
        Ok((self.finished, self.stats, layout))
    }
}

async fn write(
    rows: &mut FileSet<ByDay>,
    dead: &mut FileSet<Unpartitioned>,
    encoded: Option<Encoded>,
) -> Result<(), PlainError> {
    let Some(Encoded { rows: made, dead: letters, .. }) = encoded else { return Ok(()) };
    let some = |batch: Option<RecordBatch>| batch.filter(|batch| batch.num_rows() > 0);
    if let Some(made) = some(made) {
        rows.push(made).await?;
    }
    if let Some(letters) = some(letters) {
        dead.push(letters).await?;
    }
    Ok(())
}

impl Making {
    fn file_settings(&self, layout: Option<&Layout>) -> FileSettings {
        let mut key_values = vec![(TOPIC_ID.to_owned(), self.source.topic_id().to_string())];
        if let Some(layout) = layout {
            key_values.push((COLUMNS.to_owned(), origins_json(layout)));
        }
        FileSettings {
            // A stretch ends before a file would.
            target_bytes: u64::MAX,
            memory: self.settings.memory,
            key_values,
            ..FileSettings::default()
        }
    }

    fn file_set(
        &self,
        layout: &Layout,
        sink: &MemorySink,
        number: u32,
    ) -> Result<FileSet<ByDay>, PlainError> {
        let column = layout
            .columns()
            .iter()
            .position(|column| column.origin == crate::rows::Origin::Kafka(KafkaColumn::Timestamp));
        let by_day = ByDay { column: column.unwrap_or(usize::MAX), name: "day".to_owned() };
        let prefix = rows_prefix(self.source.topic());
        let naming = Naming { prefix: prefix.trim_end_matches('/').to_owned(), stem: format!("{number:05}") };
        let settings = self.file_settings(Some(layout));
        Ok(FileSet::new(layout.schema(), settings, naming, by_day, Arc::new(sink.clone()), self.workers)?)
    }
}

/// Where columns come from, by name.
fn origins_json(layout: &Layout) -> String {
    let named = layout.columns().iter().filter_map(|column| {
        Some((column.field.name().clone(), serde_json::Value::String(column.origin.path()?)))
    });
    serde_json::Value::Object(named.collect()).to_string()
}
