//! A source table whose changes are captured, its log in a tier, and the tables that are made of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::Fields;
use arrow_select::filter::filter_record_batch;
use firnline_decode::WriterSchema;
use firnline_export::Workers;
use firnline_export::cdc::{Cdc, CdcSettings, CdcTable};
use firnline_export::job::{Job, JobError, JobParts, Unwatched};
use firnline_export::metrics::ExportMetrics;
use firnline_export::rows::{Part, RowSettings};
use firnline_export::settings::{JobSettings, RoundSettings, TableSettings};
use firnline_export::source::TopicSource;
use firnline_export::tend::read::{DeleteFile, Deletes, FileBytes, TableFile};
use firnline_export::tend::{Content, Duty, Live, TendSettings, Tender};
use firnline_index::batch::Compression;
use firnline_records::encode::{BatchBuilder, NewRecord};
use firnline_table::catalog::FsCatalog;
use firnline_table::{Catalog as _, FileIo, Table, TableName};
use serde_json::{Value, json};

use crate::log::{Log, ModelBatch, at, ms};
use crate::tier::{TestTier, cluster, tip};

/// A row of the source: `name`, `n`, and `added`, which comes later.
pub(crate) type Row = (Option<String>, Option<i32>, Option<String>);

pub(crate) struct Source {
    tier: TestTier,
    log: Log,
    pub(crate) rows: BTreeMap<i64, Row>,
    /// Whether the table has the column `added` by now.
    pub(crate) altered: bool,
    /// Kinds of all changes so far.
    pub(crate) told: Vec<&'static str>,
    pending: Vec<(Option<String>, Option<String>)>,
}

fn field(name: &str, of: &str) -> Value {
    json!({"field": name, "type": of, "optional": true})
}

impl Source {
    pub(crate) fn new() -> Self {
        let mut tier = TestTier::starting_at(at(0));
        tier.commit();
        Self {
            tier,
            log: Log::from(0),
            rows: BTreeMap::new(),
            altered: false,
            told: Vec::new(),
            pending: Vec::new(),
        }
    }

    fn image(&self, key: i64, row: &Row) -> Value {
        let mut image = json!({"id": key, "name": row.0, "n": row.1});
        if self.altered {
            image["added"] = json!(row.2);
        }
        image
    }

    fn event(&self, op: &'static str, before: Value, after: Value) -> String {
        let mut fields = vec![
            json!({"field": "id", "type": "int64", "optional": false}),
            field("name", "string"),
            json!({"field": "n", "type": "int32", "optional": true, "name": "io.debezium.time.Date"}),
        ];
        if self.altered {
            fields.push(field("added", "string"));
        }
        let row = |name: &str| json!({"field": name, "type": "struct", "optional": true, "fields": fields});
        let source = json!({"field": "source", "type": "struct", "fields": [field("lsn", "int64"), field("ts_ms", "int64")]});
        let all =
            json!([row("before"), row("after"), source, field("op", "string"), field("ts_ms", "int64")]);
        let lsn = self.told.len();
        json!({
            "schema": {"type": "struct", "fields": all},
            "payload": {"before": before, "after": after, "source": {"lsn": lsn, "ts_ms": 5}, "op": op, "ts_ms": 6},
        })
        .to_string()
    }

    fn key(key: i64) -> String {
        let fields = json!([{"field": "id", "type": "int64", "optional": false}]);
        json!({"schema": {"type": "struct", "fields": fields}, "payload": {"id": key}}).to_string()
    }

    pub(crate) fn put(&mut self, key: i64, row: Row) {
        let row = if self.altered { row } else { (row.0, row.1, None) };
        let (op, before) = match self.rows.get(&key) {
            Some(old) => ("u", self.image(key, old)),
            None => ("c", Value::Null),
        };
        let value = self.event(op, before, self.image(key, &row));
        self.pending.push((Some(Self::key(key)), Some(value)));
        self.told.push(op);
        self.rows.insert(key, row);
    }

    pub(crate) fn remove(&mut self, key: i64) {
        let Some(old) = self.rows.remove(&key) else { return };
        let value = self.event("d", self.image(key, &old), Value::Null);
        self.pending.push((Some(Self::key(key)), Some(value)));
        // What lets a compacted topic forget the key.
        self.pending.push((Some(Self::key(key)), None));
        self.told.push("d");
    }

    pub(crate) fn truncate(&mut self) {
        let value = self.event("t", Value::Null, Value::Null);
        self.pending.push((None, Some(value)));
        self.told.push("t");
        self.rows.clear();
    }

    /// A record that is no change.
    pub(crate) fn noise(&mut self, value: &str) {
        self.pending.push((None, Some(value.to_owned())));
    }

    /// All that was told goes into the tier, as one batch.
    pub(crate) fn offload(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let base = self.log.end();
        let epoch = firnline_index::LeaderEpoch::from_kafka(0);
        let mut batch = BatchBuilder::new(base).compression(Compression::None).leader_epoch(epoch);
        for (key, value) in &self.pending {
            let (key, value) = (key.as_deref().map(str::as_bytes), value.as_deref().map(str::as_bytes));
            batch.push(NewRecord { timestamp: Some(ms(1_000)), key, value, headers: &[] }).expect("fits");
        }
        let bytes = batch.build().expect("builds").into();
        self.log.hole(i64::try_from(self.pending.len()).expect("few"));
        self.pending.clear();
        let next = self.log.end();
        self.log.batches.push(ModelBatch { bytes, base, next, time: ms(1_000) });
        self.tier.upload(&self.log, next);
        self.tier.commit();
    }

    fn catalog(&self) -> FsCatalog {
        let io = FileIo::new(self.tier.sim.connect(&self.tier.env)).expect("a warehouse");
        FsCatalog::new(io, self.tier.env.clone())
    }

    /// Exports all that is in the tier.
    pub(crate) async fn export(&self, name: &TableName, settings: CdcSettings) -> Result<(), JobError> {
        let fields = Part::Json(WriterSchema::declared(&Fields::empty()));
        let current = settings.table == CdcTable::Current;
        let partitioning = if current { Vec::new() } else { TableSettings::default().partitioning };
        let job = JobSettings {
            rows: RowSettings { key: fields.clone(), value: fields, max_rows: 5, ..RowSettings::default() },
            table: TableSettings { partitioning, ..TableSettings::default() },
            round: RoundSettings { max_lag: Duration::ZERO, ..RoundSettings::default() },
            ..JobSettings::default()
        };
        let (tip, env) = (tip(), self.tier.env.clone());
        let shaping = Cdc::new(settings, 1, Arc::clone(&env.clock)).inline();
        let parts = JobParts {
            source: TopicSource::new(self.tier.reader().0, tip.topic.clone(), tip.topic_id),
            cluster: cluster(),
            partitions: vec![tip.partition],
            catalog: Arc::new(self.catalog()),
            table: name.clone(),
            schemas: None,
            shaping: Arc::new(shaping),
            env,
            workers: Workers::Inline,
            metrics: Arc::new(ExportMetrics::default()),
            progress: Arc::new(Unwatched),
        };
        Job::new(parts, job).catch_up().await.map(drop)
    }

    pub(crate) async fn tend(&self, name: &TableName) {
        let settings = TendSettings {
            min_small_files: 2,
            max_small_files: 2,
            max_delete_files: 2,
            ..TendSettings::default()
        };
        let catalog = Arc::new(self.catalog());
        let tender = Tender::new(catalog, name.clone(), settings, self.tier.env.clone(), Workers::Inline);
        tender.maintain(&[Duty::Look], false).await.expect("tends");
    }

    pub(crate) async fn table(&self, name: &TableName) -> Option<Table> {
        self.catalog().load(name).await.expect("a catalog")
    }

    /// All rows of a table, deletes applied, in the order of their offsets.
    pub(crate) async fn read(&self, name: &TableName) -> Vec<RecordBatch> {
        let Some(table) = self.table(name).await else { return Vec::new() };
        let live = Live::of(&table).await.expect("manifests");
        let bytes: Arc<dyn FileBytes> = Arc::new(table.io.clone());
        let mut all = Vec::new();
        for data in live.files.iter().filter(|file| file.fact.content == Content::Data) {
            let mut deletes = Deletes::new();
            for file in live.files.iter().filter(|file| file.fact.reaches(&data.fact)) {
                let of = DeleteFile {
                    location: file.fact.path.to_string(),
                    sequence: file.fact.sequence,
                    equality_ids: file.equality_ids.clone(),
                };
                let opened =
                    TableFile::open(Arc::clone(&bytes), &file.fact.path, None, Workers::Inline).await;
                deletes.load_keys(&opened.expect("opens"), &of).await.expect("loads");
            }
            let opened = TableFile::open(Arc::clone(&bytes), &data.fact.path, None, Workers::Inline).await;
            let mut batches = opened.expect("opens").batches(None).expect("columns");
            while let Some((first, batch)) = batches.next().await.expect("rows") {
                let stays =
                    deletes.staying(&data.fact.path, data.fact.sequence, first, &batch).expect("keys");
                all.push(
                    stays
                        .map_or(batch.clone(), |stays| filter_record_batch(&batch, &stays).expect("filters")),
                );
            }
        }
        all
    }

    /// A current-state table's rows by key.
    pub(crate) async fn state(&self, name: &TableName) -> BTreeMap<i64, Row> {
        let mut rows = BTreeMap::new();
        for batch in self.read(name).await {
            let ids = batch.column_by_name("id").expect("a key").as_primitive::<Int64Type>().clone();
            for row in 0..batch.num_rows() {
                let n = batch.column_by_name("n").filter(|column| column.is_valid(row));
                // A date is a number of days.
                let n = n.map(|column| column.as_primitive::<arrow_array::types::Date32Type>().value(row));
                let value = (text(&batch, "name", row), n, text(&batch, "added", row));
                assert_eq!(rows.insert(ids.value(row), value), None, "a key stands twice");
            }
        }
        rows
    }
}

pub(crate) fn text(batch: &RecordBatch, name: &str, row: usize) -> Option<String> {
    let column = batch.column_by_name(name)?.as_string::<i32>();
    column.is_valid(row).then(|| column.value(row).to_owned())
}

pub(crate) fn offset(batch: &RecordBatch, row: usize) -> (i32, i64) {
    let of = |name: &str| batch.column_by_name(name).expect("a position").clone();
    let partition = of("kafka_partition").as_primitive::<Int32Type>().value(row);
    (partition, of("kafka_offset").as_primitive::<Int64Type>().value(row))
}
