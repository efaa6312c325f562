//! A table by keys: equality deletes and rows in one snapshot, put together again and again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use firnline_export::Workers;
use firnline_export::files::{FileSet, FileSettings, Naming};
use firnline_export::job::table::{IoSink, SpecPartitioner, data_file, equality_file};
use firnline_export::tend::read::{DeleteFile, Deletes, TableFile};
use firnline_export::tend::{Content, Duty, Live, TendSettings, Tender, schema_of};
use firnline_store::Env;
use firnline_store::env::RandomExt as _;
use firnline_store::sim::Simulation;
use firnline_table::catalog::FsCatalog;
use firnline_table::{
    Catalog as _, Change, DataFile, FileIo, NewTable, Operation, PartitionSpec, RandomIds, SortOrder, Table,
    TableName, Transform, build,
};
use proptest::prelude::*;

use crate::world::paused;

struct States {
    env: Env,
    sim: Simulation,
    /// What the table must have.
    rows: BTreeMap<i64, i64>,
}

fn name() -> TableName {
    "db.states".parse().expect("a name")
}

impl States {
    async fn new(seed: u64, partitioned: bool) -> Self {
        let env = Env::seeded(seed, 1_700_000_000_000);
        let sim = Simulation::new(seed, &env);
        let states = Self { env, sim, rows: BTreeMap::new() };
        let fields = [Field::new("id", DataType::Int64, true), Field::new("value", DataType::Int64, true)];
        let schema =
            firnline_table::Schema::from_arrow(&fields.into_iter().collect(), &[]).expect("a schema");
        let by_key: &[(&str, Transform)] = &[("id", Transform::Bucket(2))];
        let spec = PartitionSpec::of(&schema, if partitioned { by_key } else { &[] }).expect("a spec");
        let new = NewTable {
            schema,
            spec,
            sort_order: SortOrder::unsorted(),
            location: None,
            properties: BTreeMap::new(),
            format_version: 2,
        };
        states.catalog().create(&name(), new).await.expect("created");
        states
    }

    fn catalog(&self) -> FsCatalog {
        let io = FileIo::new(self.sim.connect(&self.env)).expect("a warehouse");
        FsCatalog::new(io, self.env.clone())
    }

    async fn table(&self) -> Table {
        self.catalog().load(&name()).await.expect("a catalog").expect("a table")
    }

    fn tender(&self, settings: TendSettings) -> Tender {
        Tender::new(Arc::new(self.catalog()), name(), settings, self.env.clone(), Workers::Inline)
    }

    async fn write(&self, table: &Table, batch: RecordBatch, deletes: bool) -> Vec<DataFile> {
        let naming =
            Naming { prefix: format!("{}/data", table.metadata.location()), stem: self.env.random.hex_id() };
        let schema = batch.schema();
        let partitioner =
            SpecPartitioner::new(table, table.metadata.current_schema(), &schema).expect("a spec");
        let sink = Arc::new(IoSink::new(table.io.clone()));
        let settings = FileSettings::default();
        let set = FileSet::new(Arc::clone(&schema), settings, naming, partitioner, sink, Workers::Inline);
        let mut set = set.expect("a set");
        set.push(batch).await.expect("written");
        let files = set.finish().await.expect("finished");
        let of = |file| {
            if deletes { equality_file(file, table, &schema).expect("ids") } else { data_file(file, table) }
        };
        files.iter().map(of).collect()
    }

    /// One commit: `None` deletes the key.
    async fn commit(&mut self, changes: &BTreeMap<i64, Option<i64>>) {
        let table = self.table().await;
        let schema: Schema = schema_of(&table).as_ref().clone();
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(changes.keys().copied()));
        let key_schema = Arc::new(schema.project(&[0]).expect("a key"));
        let mut change = Change::new(Operation::RowDelta);
        let deletes = RecordBatch::try_new(key_schema, vec![keys]).expect("keys");
        change.add_deletes = self.write(&table, deletes, true).await;
        let lives: Vec<_> = changes.iter().filter_map(|(key, value)| Some((*key, (*value)?))).collect();
        if !lives.is_empty() {
            let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(lives.iter().map(|(key, _)| *key)));
            let values: ArrayRef =
                Arc::new(Int64Array::from_iter_values(lives.iter().map(|(_, value)| *value)));
            let rows = RecordBatch::try_new(Arc::new(schema), vec![ids, values]).expect("rows");
            change.add = self.write(&table, rows, false).await;
        }
        let mut ids = RandomIds::new(Arc::clone(&self.env.random));
        let prepared = build(&table, change, &mut ids, self.env.clock.now_ms()).await.expect("builds");
        self.catalog().commit(&table, &prepared.requirements, &prepared.updates).await.expect("commits");
        for (key, value) in changes {
            match value {
                Some(value) => self.rows.insert(*key, *value),
                None => self.rows.remove(key),
            };
        }
    }

    /// The table's rows, deletes applied.
    async fn read(&self) -> BTreeMap<i64, i64> {
        let table = self.table().await;
        let live = Live::of(&table).await.expect("manifests");
        let bytes: Arc<dyn firnline_export::tend::read::FileBytes> = Arc::new(table.io.clone());
        let mut rows = BTreeMap::new();
        for data in live.files.iter().filter(|file| file.fact.content == Content::Data) {
            let mut deletes = Deletes::new();
            for file in live.files.iter().filter(|file| file.fact.reaches(&data.fact)) {
                let opened =
                    TableFile::open(Arc::clone(&bytes), &file.fact.path, None, Workers::Inline).await;
                let of = DeleteFile {
                    location: file.fact.path.to_string(),
                    sequence: file.fact.sequence,
                    equality_ids: file.equality_ids.clone(),
                };
                deletes.load_keys(&opened.expect("opens"), &of).await.expect("loads");
            }
            let opened = TableFile::open(Arc::clone(&bytes), &data.fact.path, None, Workers::Inline)
                .await
                .expect("opens");
            let mut batches = opened.batches(None).expect("columns");
            while let Some((first, batch)) = batches.next().await.expect("rows") {
                let stays =
                    deletes.staying(&data.fact.path, data.fact.sequence, first, &batch).expect("keys");
                let (ids, values) = (batch.column(0), batch.column(1));
                for row in 0..batch.num_rows() {
                    if stays.as_ref().is_none_or(|stays| stays.value(row)) {
                        let id = ids.as_primitive::<Int64Type>().value(row);
                        let before = rows.insert(id, values.as_primitive::<Int64Type>().value(row));
                        assert_eq!(before, None, "key {id} stands twice");
                    }
                }
            }
        }
        rows
    }

    async fn files(&self) -> (usize, usize) {
        let live = Live::of(&self.table().await).await.expect("manifests");
        let data = live.files.iter().filter(|file| file.fact.content == Content::Data).count();
        (data, live.files.len() - data)
    }
}

fn settings() -> TendSettings {
    TendSettings {
        min_small_files: 3,
        max_small_files: 3,
        max_delete_files: 3,
        max_deleted_percent: 30,
        ..TendSettings::default()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Commit(BTreeMap<i64, Option<i64>>),
    Tend,
}

fn step() -> impl Strategy<Value = Step> {
    let value = proptest::option::weighted(0.7, any::<i64>());
    let changes = proptest::collection::btree_map(0_i64..12, value, 1..6);
    prop_oneof![3 => changes.prop_map(Step::Commit), 1 => Just(Step::Tend)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_tended_table_has_the_last_row_of_each_key(
        steps in proptest::collection::vec(step(), 1..24),
        seed in any::<u64>(),
        partitioned in any::<bool>(),
    ) {
        paused(async {
            let mut states = States::new(seed, partitioned).await;
            for step in &steps {
                match step {
                    Step::Commit(changes) => states.commit(changes).await,
                    Step::Tend => {
                        states.tender(settings()).maintain(&[Duty::Look], false).await.expect("tends");
                    }
                }
                assert_eq!(states.read().await, states.rows);
            }
        });
    }
}

#[test]
fn deletes_are_applied_and_dropped() {
    paused(async {
        let mut states = States::new(1, false).await;
        for round in 0..6 {
            let changes = (0..10).map(|key| (key, ((key + round) % 4 != 0).then_some(round)));
            states.commit(&changes.collect()).await;
        }
        assert_eq!(states.files().await, (6, 6));
        let done = states.tender(settings()).maintain(&[Duty::Look], false).await.expect("tends");
        assert!(!done.rewrites.is_empty(), "{done:?}");
        assert_eq!(states.files().await, (1, 0), "{done:?}");
        assert_eq!(states.read().await, states.rows);
        states.commit(&BTreeMap::from([(3, None), (4, Some(99))])).await;
        assert_eq!(states.read().await, states.rows, "later deletes reach the new file");
    });
}
