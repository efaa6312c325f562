//! A rewrite's files: what is read, what is left out, what is written.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use firnline_table::{DataFile, Table, partition};

use super::error::TendError;
use super::facts::Content;
use super::live::{Live, LiveFile, schema_of};
use super::plan::Rewrite;
use super::read::{DeleteFile, Deletes, FileBytes, FileReadError, TableFile, project};
use super::settings::TendSettings;
use super::window::Window;
use crate::files::{FileSet, FileSettings, Given, Naming};
use crate::job::table::{IoSink, data_file_in, data_prefix};
use crate::workers::Workers;

/// Files that were written in the place of others.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) files: Vec<DataFile>,
    /// The snapshot that was read.
    pub(super) snapshot: Option<i64>,
    /// The data files that each applied file of deletes by position names.
    pub(super) named: BTreeMap<Arc<str>, HashSet<Arc<str>>>,
}

/// Writes the files of a rewrite. Nothing of the table changes.
pub(super) async fn write(
    table: &Table,
    live: &Live,
    rewrite: &Rewrite,
    stem: String,
    settings: &TendSettings,
    workers: Workers,
) -> Result<Written, TendError> {
    let name = table.name.to_string();
    let read = |source| TendError::Read { table: name.clone(), source };
    let write = |source| TendError::Write { table: name.clone(), source };
    let bytes: Arc<dyn FileBytes> = Arc::new(table.io.clone());
    let mut named = BTreeMap::new();
    let deletes = deletes(&bytes, live, rewrite, &mut named, workers).await.map_err(read)?;
    let schema = schema_of(table);
    let mut window = Window::new(&schema, settings.memory_bytes / 4);
    let files = FileSettings {
        target_bytes: settings.target_file_bytes,
        memory: settings.memory_bytes / 4,
        ..FileSettings::default()
    };
    let naming = Naming { prefix: data_prefix(table), stem };
    let Some(old) = rewrite.files.first().and_then(|path| live.file(path)) else {
        return Ok(Written { files: Vec::new(), snapshot: live.snapshot, named });
    };
    let columns = table.metadata.partition_columns(old.file.spec_id);
    let columns = columns.map_err(|source| TendError::Spec { table: name.clone(), source })?;
    // All of them are of one partition: the new files are of the same, whatever their rows would be given now.
    let given = Given { key: (), path: partition::path(&columns, &old.file.partition) };
    let sink = Arc::new(IoSink::new(table.io.clone()));
    let mut set = FileSet::new(Arc::clone(&schema), files, naming, given, sink, workers).map_err(write)?;
    let outcome =
        copy(&bytes, live, rewrite, &deletes, &schema, &mut window, &mut set, (&name, workers)).await;
    if let Err(error) = outcome {
        set.abort().await;
        return Err(error);
    }
    let written = set.finish().await.map_err(write)?;
    let files = written.iter().map(|file| data_file_in(file, &old.file)).collect();
    Ok(Written { files, snapshot: live.snapshot, named })
}

#[expect(clippy::too_many_arguments, reason = "the parts of one loop, borrowed apart")]
async fn copy(
    bytes: &Arc<dyn FileBytes>,
    live: &Live,
    rewrite: &Rewrite,
    deletes: &Deletes,
    schema: &SchemaRef,
    window: &mut Window,
    set: &mut FileSet<Given<()>>,
    (name, workers): (&str, Workers),
) -> Result<(), TendError> {
    let read = |source| TendError::Read { table: name.to_owned(), source };
    let write = |source| TendError::Write { table: name.to_owned(), source };
    let rows = |source| TendError::Rows { table: name.to_owned(), source };
    for path in &rewrite.files {
        let file = file(live, path).map_err(read)?;
        let fact = &file.fact;
        let opened =
            TableFile::open(Arc::clone(bytes), path, Some(fact.bytes), workers).await.map_err(read)?;
        let mut batches = opened.batches(None).map_err(read)?;
        while let Some((first, batch)) = batches.next().await.map_err(read)? {
            let stays = deletes.staying(path, fact.sequence, first, &batch).map_err(read)?;
            let batch = match stays {
                Some(stays) => filter_record_batch(&batch, &stays).map_err(rows)?,
                None => batch,
            };
            if batch.num_rows() == 0 {
                continue;
            }
            let batch = project(path, &batch, schema).map_err(read)?;
            for batch in window.push(batch).map_err(rows)? {
                set.push(batch).await.map_err(write)?;
            }
        }
    }
    for batch in window.flush().map_err(rows)? {
        set.push(batch).await.map_err(write)?;
    }
    Ok(())
}

async fn deletes(
    bytes: &Arc<dyn FileBytes>,
    live: &Live,
    rewrite: &Rewrite,
    named: &mut BTreeMap<Arc<str>, HashSet<Arc<str>>>,
    workers: Workers,
) -> Result<Deletes, FileReadError> {
    let wanted: HashSet<&str> = rewrite.files.iter().map(|path| &**path).collect();
    let mut deletes = Deletes::new();
    for path in &rewrite.deletes {
        let file = file(live, path)?;
        let fact = &file.fact;
        let opened = TableFile::open(Arc::clone(bytes), path, Some(fact.bytes), workers).await?;
        let of = DeleteFile {
            location: path.to_string(),
            sequence: fact.sequence,
            equality_ids: file.equality_ids.clone(),
        };
        if fact.content == Content::EqualityDeletes {
            deletes.load_keys(&opened, &of).await?;
            continue;
        }
        let names: &mut HashSet<Arc<str>> = named.entry(Arc::clone(path)).or_default();
        let mut seen = |path: &str| {
            if !names.contains(path) {
                names.insert(path.into());
            }
        };
        deletes.load_positions(&opened, &of, &|path| wanted.contains(path), &mut seen).await?;
    }
    Ok(deletes)
}

fn file<'a>(live: &'a Live, path: &str) -> Result<&'a LiveFile, FileReadError> {
    let file =
        live.file(path).ok_or_else(|| FileReadError::unsupported(path, "it is not in the snapshot"))?;
    match &file.unread {
        Some(why) => Err(FileReadError::unsupported(path, why.clone())),
        None => Ok(file),
    }
}
