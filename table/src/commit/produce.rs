//! Making a snapshot: the manifests that stay, those that are written anew, and the list of them.

use super::change::{Change, Operation, Prepared};
use super::check::check;
use super::error::BuildError;
use super::ids::Ids;
use super::merge::{MergePolicy, target_bytes};
use super::totals;
use crate::catalog::Table;
use crate::manifest::{
    DataFile, Entry, For, ManifestContent, ManifestError, ManifestFile, ManifestWriter, manifests, write_list,
};
use crate::metadata::TableMetadata;
use crate::snapshot::{MAIN, Snapshot, SnapshotRef};
use crate::update::{LAST_ADDED, TableRequirement, TableUpdate};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Where metadata files lie, if not in the table's directory.
const METADATA_PATH: &str = "write.metadata.path";

/// Builds a commit of a change: reads the table's manifests as far as it has to, and writes new ones. An append without a
/// merge takes one GET and two PUTs. If it fails, what it has written is deleted as far as that can be done.
///
/// # Errors
/// See [`BuildError`].
pub async fn build(
    table: &Table,
    change: Change,
    ids: &mut dyn Ids,
    now_ms: i64,
) -> Result<Prepared, BuildError> {
    check(&change, &table.io, table.metadata.format_version())?;
    let (mut requirements, mut updates, metadata) = schema_updates(table, &change)?;
    let mut written = Vec::new();
    let mut snapshot_id = None;
    if change.has_files() || change.snapshot_always {
        let merge = MergePolicy::of(&metadata).filter(|_| change.has_files());
        let mut producer = Producer::new(table, Arc::new(metadata), ids);
        match producer.snapshot(&change, merge, now_ms).await {
            Ok(Some(snapshot)) => {
                snapshot_id = Some(snapshot.snapshot_id);
                updates.extend(snapshot_updates(table, snapshot));
                written = producer.written;
            }
            Ok(None) => {}
            Err(error) => {
                producer.clear().await;
                return Err(error);
            }
        }
    }
    if !change.set_properties.is_empty() {
        updates.push(TableUpdate::SetProperties { updates: change.set_properties });
    }
    if !change.remove_properties.is_empty() {
        updates.push(TableUpdate::RemoveProperties { removals: change.remove_properties });
    }
    requirements.extend(same_head(table));
    Ok(Prepared { requirements, updates, written, snapshot_id })
}

/// Builds a commit that changes no file, but merges all manifests that are smaller than they should be. `None` if there is
/// nothing to merge.
///
/// # Errors
/// See [`BuildError`].
pub async fn merge_manifests(
    table: &Table,
    ids: &mut dyn Ids,
    now_ms: i64,
) -> Result<Option<Prepared>, BuildError> {
    let policy = MergePolicy::all(&table.metadata);
    let mut producer = Producer::new(table, Arc::clone(&table.metadata), ids);
    producer.only_merge = true;
    match producer.snapshot(&Change::new(Operation::Replace), Some(policy), now_ms).await {
        Ok(None) => Ok(None),
        Ok(Some(snapshot)) => Ok(Some(Prepared {
            requirements: same_head(table),
            snapshot_id: Some(snapshot.snapshot_id),
            updates: snapshot_updates(table, snapshot),
            written: producer.written,
        })),
        Err(error) => {
            producer.clear().await;
            Err(error)
        }
    }
}

/// It is this table, and nobody has committed to it since it was loaded.
fn same_head(table: &Table) -> Vec<TableRequirement> {
    let metadata = &table.metadata;
    vec![
        TableRequirement::AssertTableUuid { uuid: metadata.uuid() },
        TableRequirement::AssertRefSnapshotId {
            ref_name: MAIN.to_owned(),
            snapshot_id: metadata.current_snapshot().map(|snapshot| snapshot.snapshot_id),
        },
    ]
}

fn snapshot_updates(table: &Table, snapshot: Snapshot) -> Vec<TableUpdate> {
    let snapshot_id = snapshot.snapshot_id;
    // The branch keeps the rules that somebody gave it.
    let reference = match table.metadata.refs().get(MAIN) {
        Some(main) => SnapshotRef { snapshot_id, ..main.clone() },
        None => SnapshotRef::branch(snapshot_id),
    };
    let set = TableUpdate::SetSnapshotRef { ref_name: MAIN.to_owned(), reference };
    vec![TableUpdate::AddSnapshot { snapshot }, set]
}

/// What a change of columns asks for and does, and the metadata as it is then.
fn schema_updates(
    table: &Table,
    change: &Change,
) -> Result<(Vec<TableRequirement>, Vec<TableUpdate>, TableMetadata), BuildError> {
    let metadata = &table.metadata;
    let Some(schema) = &change.schema else { return Ok((Vec::new(), Vec::new(), (**metadata).clone())) };
    if metadata.current_schema().id() != schema.base_schema_id
        || metadata.last_column_id() != schema.base_last_column_id
    {
        return Err(BuildError::SchemaMoved);
    }
    let requirements = vec![
        TableRequirement::AssertCurrentSchemaId { current_schema_id: schema.base_schema_id },
        TableRequirement::AssertLastAssignedFieldId { last_assigned_field_id: schema.base_last_column_id },
    ];
    let updates = vec![
        TableUpdate::AddSchema { schema: schema.schema.clone(), last_column_id: Some(schema.last_column_id) },
        TableUpdate::SetCurrentSchema { schema_id: LAST_ADDED },
    ];
    let changed = metadata.apply(&updates, "", metadata.last_updated_ms())?;
    Ok((requirements, updates, changed))
}

/// A snapshot under way.
pub(super) struct Producer<'a> {
    pub(super) table: &'a Table,
    /// The table's, with the columns as the commit leaves them.
    pub(super) metadata: Arc<TableMetadata>,
    pub(super) made_for: For,
    pub(super) written: Vec<String>,
    only_merge: bool,
    ids: &'a mut dyn Ids,
    commit: Uuid,
    manifests: u32,
}

impl<'a> Producer<'a> {
    fn new(table: &'a Table, metadata: Arc<TableMetadata>, ids: &'a mut dyn Ids) -> Self {
        let mut snapshot_id = ids.snapshot_id();
        while metadata.snapshot(snapshot_id).is_some() {
            snapshot_id = ids.snapshot_id();
        }
        let sequence_number = metadata.last_sequence_number().saturating_add(1);
        let commit = ids.uuid();
        let made_for = For { snapshot_id, sequence_number };
        Self { table, metadata, made_for, written: Vec::new(), only_merge: false, ids, commit, manifests: 0 }
    }

    /// The snapshot; `None` if all there is to do is merging, and there is nothing to merge.
    async fn snapshot(
        &mut self,
        change: &Change,
        merge: Option<MergePolicy>,
        now_ms: i64,
    ) -> Result<Option<Snapshot>, BuildError> {
        let previous = self.table.metadata.current_snapshot();
        let existing = match previous {
            Some(previous) => manifests(&self.table.io, previous).await?,
            None => Vec::new(),
        };
        self.check_overtaken(&existing, change).await?;
        let (kept, removed) = self.without(existing, &change.remove).await?;
        let (kept, merged) = match merge {
            Some(policy) => self.merged(kept, policy).await?,
            None => (kept, 0),
        };
        if self.only_merge && merged == 0 {
            return Ok(None);
        }
        let mut all = self.add(&change.add, change.keep_sequence).await?;
        all.extend(self.add(&change.add_deletes, None).await?);
        all.extend(kept);
        let (first_row_id, added_rows) = self.number_rows(&mut all);

        let mut summary = totals::summary(previous, change, &removed);
        if merged > 0 {
            summary.insert("manifests-replaced".to_owned(), merged.to_string());
        }
        let list = format!("{}/snap-{}-1-{}.avro", self.directory(), self.made_for.snapshot_id, self.commit);
        let snapshot = Snapshot {
            snapshot_id: self.made_for.snapshot_id,
            parent_snapshot_id: previous.map(|previous| previous.snapshot_id),
            sequence_number: self.made_for.sequence_number,
            timestamp_ms: self.timestamp(now_ms),
            manifest_list: Some(list.clone()),
            summary: Some(summary),
            schema_id: Some(self.metadata.current_schema().id()),
            first_row_id,
            added_rows,
            extra: serde_json::Map::new(),
        };
        let bytes = write_list(&all, &snapshot, self.metadata.format_version(), self.ids.bytes())
            .map_err(|_| BuildError::Invalid("the list of manifests could not be compressed".to_owned()))?;
        self.put(list, bytes.into()).await?;
        Ok(Some(snapshot))
    }

    /// Now, but not before anything that the table has seen: clocks of different machines differ.
    fn timestamp(&self, now_ms: i64) -> i64 {
        let metadata = &self.metadata;
        let seen = metadata.snapshot_log().last().map_or(i64::MIN, |last| last.timestamp_ms);
        now_ms.max(metadata.last_updated_ms()).max(seen)
    }

    /// Manifests of new files, by their specs.
    async fn add(
        &mut self,
        files: &[DataFile],
        sequence_number: Option<i64>,
    ) -> Result<Vec<ManifestFile>, BuildError> {
        let mut specs: BTreeMap<i32, Vec<Entry>> = BTreeMap::new();
        for file in files {
            // Rows get their numbers from the list; a file that others have numbered keeps them.
            let entry = Entry::added(file.clone(), self.made_for.snapshot_id, sequence_number);
            specs.entry(file.spec_id).or_default().push(entry);
        }
        let mut all = Vec::new();
        for (spec_id, entries) in specs {
            let deletes = entries.first().is_some_and(|entry| entry.file.content.is_delete());
            let content = if deletes { ManifestContent::Deletes } else { ManifestContent::Data };
            all.extend(self.write(spec_id, content, entries).await?);
        }
        Ok(all)
    }

    /// Writes entries into as many manifests as their size wants; none where there are no entries.
    pub(super) async fn write(
        &mut self,
        spec_id: i32,
        content: ManifestContent,
        entries: Vec<Entry>,
    ) -> Result<Vec<ManifestFile>, BuildError> {
        let target = target_bytes(&self.metadata);
        let (mut all, mut open): (Vec<ManifestFile>, Option<ManifestWriter>) = (Vec::new(), None);
        for entry in entries {
            let mut writer = match open.take() {
                Some(writer) => writer,
                None => self.writer(spec_id, content)?,
            };
            writer.push(&entry)?;
            if writer.length() >= target {
                all.push(self.finish(writer).await?);
            } else {
                open = Some(writer);
            }
        }
        if let Some(writer) = open {
            all.push(self.finish(writer).await?);
        }
        Ok(all)
    }

    fn writer(&mut self, spec_id: i32, content: ManifestContent) -> Result<ManifestWriter, ManifestError> {
        let location = format!("{}/{}-m{}.avro", self.directory(), self.commit, self.manifests);
        self.manifests = self.manifests.saturating_add(1);
        ManifestWriter::new(&self.metadata, spec_id, content, location, self.made_for, self.ids.bytes())
    }

    async fn finish(&mut self, writer: ManifestWriter) -> Result<ManifestFile, BuildError> {
        let written = writer.finish()?;
        self.put(written.manifest.path.clone(), written.bytes).await?;
        Ok(written.manifest)
    }

    async fn put(&mut self, location: String, bytes: bytes::Bytes) -> Result<(), BuildError> {
        // Before it is there: an answer may be lost.
        self.written.push(location.clone());
        Ok(self.table.io.put(&location, bytes).await?)
    }

    fn directory(&self) -> String {
        match self.metadata.properties().get(METADATA_PATH) {
            Some(path) if !path.is_empty() => path.trim_end_matches('/').to_owned(),
            _ => format!("{}/metadata", self.metadata.location()),
        }
    }

    /// Gives row ids to manifests that have none yet: the first one, and how many were given.
    fn number_rows(&self, manifests: &mut [ManifestFile]) -> (Option<i64>, Option<i64>) {
        if self.metadata.format_version() < 3 {
            return (None, None);
        }
        let first = self.metadata.next_row_id().unwrap_or(0);
        let mut next = first;
        for manifest in manifests {
            if manifest.content == ManifestContent::Data && manifest.first_row_id.is_none() {
                manifest.first_row_id = Some(next);
                next = next.saturating_add(i64::try_from(manifest.live_rows()).unwrap_or(i64::MAX));
            }
        }
        (Some(first), Some(next.saturating_sub(first)))
    }

    /// Deletes what was written for a snapshot that will not be. What cannot be deleted is an orphan.
    async fn clear(&mut self) {
        for location in self.written.drain(..) {
            if let Err(error) = self.table.io.delete(&location).await {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::debug!(error, location, "could not delete a file of a commit that was not built");
            }
        }
    }
}
