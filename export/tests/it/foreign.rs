//! Another engine: it rewrites files, lets old snapshots go, adds rows of its own, changes properties.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, new_null_array};
use firnline_store::Env;
use firnline_store::env::{Random, RandomExt as _};
use firnline_table::catalog::FsCatalog;
use firnline_table::{
    Catalog as _, Change, DataFile, FileContent, Operation, RandomIds, RemovedFile, Table, TableName,
    TableUpdate, build, live_files,
};
use parquet::arrow::ArrowWriter;

use crate::ledger::FOREIGN;

/// Another engine, in a process of its own.
pub(crate) struct Foreign {
    catalog: FsCatalog,
    env: Env,
}

impl Foreign {
    pub(crate) fn new(catalog: FsCatalog, env: Env) -> Self {
        Self { catalog, env }
    }

    /// Something that other engines do. Gives up quietly where the store does not play along.
    pub(crate) async fn act(&self, name: &TableName, random: &dyn Random) {
        let Ok(Some(table)) = self.catalog.load(name).await else { return };
        match random.below(4) {
            0 => drop(self.rewrite(&table).await),
            1 => drop(self.insert(&table).await),
            2 => drop(self.set_property(&table).await),
            _ => {
                // As a scheduled job does it, one after the other.
                if let Some(table) = self.rewrite(&table).await {
                    self.expire(&table).await;
                }
            }
        }
    }

    /// `rewrite_data_files`: the same rows in other files.
    pub(crate) async fn rewrite(&self, table: &Table) -> Option<Table> {
        let live = live_files(table).await.ok()?;
        let mut change = Change::new(Operation::Replace);
        for live in live.iter().take(20) {
            let bytes = table.io.get(&live.file.path).await.ok()?;
            let path =
                format!("{}/data/rewritten-{}.parquet", table.metadata.location(), self.env.random.hex_id());
            table.io.put(&path, bytes).await.ok()?;
            change.remove.push(RemovedFile::of(&live.file));
            change.add.push(DataFile { path, ..live.file.clone() });
        }
        if change.add.is_empty() {
            return None;
        }
        self.commit(table, change).await
    }

    /// `expire_snapshots` with nothing but the head retained.
    pub(crate) async fn expire(&self, table: &Table) -> Option<Table> {
        let head = table.metadata.current_snapshot().map(|head| head.snapshot_id);
        let snapshot_ids: Vec<i64> = table
            .metadata
            .snapshots()
            .iter()
            .map(|snapshot| snapshot.snapshot_id)
            .filter(|id| Some(*id) != head)
            .collect();
        if snapshot_ids.is_empty() {
            return None;
        }
        self.catalog.commit(table, &[], &[TableUpdate::RemoveSnapshots { snapshot_ids }]).await.ok()
    }

    /// `INSERT INTO`.
    pub(crate) async fn insert(&self, table: &Table) -> Option<Table> {
        let schema = Arc::new(table.metadata.current_schema().arrow().ok()?);
        let columns = schema.fields().iter().map(|field| match field.name().as_str() {
            "kafka_partition" => Arc::new(Int32Array::from(vec![FOREIGN])) as ArrayRef,
            "kafka_offset" => Arc::new(Int64Array::from(vec![0])) as ArrayRef,
            _ => new_null_array(field.data_type(), 1),
        });
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).ok()?;
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, Arc::clone(&schema), None).ok()?;
        writer.write(&batch).ok()?;
        writer.close().ok()?;
        let path =
            format!("{}/data/inserted-{}.parquet", table.metadata.location(), self.env.random.hex_id());
        let size = bytes.len() as u64;
        table.io.put(&path, bytes).await.ok()?;
        let spec = table.metadata.default_spec();
        let partition = spec.fields.iter().map(|_| None).collect();
        let file = DataFile::new(FileContent::Data, path, spec.spec_id, partition, 1, size);
        let mut change = Change::new(Operation::Append);
        change.add.push(file);
        self.commit(table, change).await
    }

    /// `ALTER TABLE … SET TBLPROPERTIES`.
    pub(crate) async fn set_property(&self, table: &Table) -> Option<Table> {
        let updates = BTreeMap::from([("owner".to_owned(), self.env.random.hex_id())]);
        self.catalog.commit(table, &[], &[TableUpdate::SetProperties { updates }]).await.ok()
    }

    /// One attempt: who loses the race tries another day.
    async fn commit(&self, table: &Table, change: Change) -> Option<Table> {
        let mut ids = RandomIds::new(Arc::clone(&self.env.random));
        let prepared = build(table, change, &mut ids, self.env.clock.now_ms()).await.ok()?;
        self.catalog.commit(table, &prepared.requirements, &prepared.updates).await.ok()
    }
}
