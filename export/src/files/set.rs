//! All files of one written set.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::SchemaDescriptor;

use super::metrics::{columns, split_offsets};
use super::one::OneFile;
use super::schema::{descriptor, properties};
use super::{FileError, FileSettings, FileSink, Naming, OpenFile, Partitioner, WrittenFile};
use crate::workers::Workers;

/// Files that are being written, one or more for each partition that rows come for.
///
/// Calls are not cancel safe: after one that was dropped, or has failed, only [`Self::abort`] is left.
pub struct FileSet<P: Partitioner> {
    /// Away while a worker has it.
    encoder: Option<Encoder<P>>,
    sink: Arc<dyn FileSink>,
    workers: Workers,
    open: HashMap<u64, Box<dyn OpenFile>>,
    begun: Vec<String>,
    written: Vec<(u64, WrittenFile<P::Key>)>,
}

impl<P: Partitioner> FileSet<P> {
    /// No file yet; one begins with its first bytes.
    ///
    /// # Errors
    /// [`FileError::Schema`].
    pub fn new(
        schema: SchemaRef,
        settings: FileSettings,
        naming: Naming,
        partitioner: P,
        sink: Arc<dyn FileSink>,
        workers: Workers,
    ) -> Result<Self, FileError> {
        let descriptor = descriptor(&schema).map_err(|error| FileError::Schema(Arc::new(error)))?;
        let properties = properties(&schema, &settings);
        let encoder = Encoder {
            schema,
            descriptor,
            properties,
            settings,
            naming,
            partitioner,
            open: HashMap::new(),
            next: 0,
            turn: 0,
            rows: 0,
            finished_bytes: 0,
        };
        Ok(Self {
            encoder: Some(encoder),
            sink,
            workers,
            open: HashMap::new(),
            begun: Vec::new(),
            written: Vec::new(),
        })
    }

    /// Adds rows, which have the columns of the set's schema.
    ///
    /// # Errors
    /// Any of [`FileError`]; then give the set up.
    pub async fn push(&mut self, rows: RecordBatch) -> Result<(), FileError> {
        self.with_encoder(move |encoder, effects| encoder.push(&rows, effects)).await
    }

    /// Ends all files. When this returns they are all there.
    ///
    /// # Errors
    /// Any of [`FileError`]; then files of the set may be there nevertheless.
    pub async fn finish(mut self) -> Result<Vec<WrittenFile<P::Key>>, FileError> {
        self.end_files().await
    }

    /// Ends all files that are open, and tells all that were ended since the last time. Rows that come later begin new ones.
    ///
    /// # Errors
    /// Any of [`FileError`]; then files of the set may be there nevertheless, under the locations of [`Self::begun`].
    pub async fn end_files(&mut self) -> Result<Vec<WrittenFile<P::Key>>, FileError> {
        self.with_encoder(|encoder, effects| encoder.end_all(effects)).await?;
        let mut written = std::mem::take(&mut self.written);
        written.sort_by_key(|(number, _)| *number);
        Ok(written.into_iter().map(|(_, file)| file).collect())
    }

    /// Gives up what is not finished. Finished files stay: those of [`Self::begun`].
    pub async fn abort(&mut self) {
        self.encoder = None;
        for (_, file) in self.open.drain() {
            file.abort().await;
        }
    }

    /// Where files were begun, in order; some may have been finished.
    #[must_use]
    pub fn begun(&self) -> &[String] {
        &self.begun
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.encoder.as_ref().map_or(0, |encoder| encoder.rows)
    }

    /// About how many bytes the files have, finished ones and those on their way.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.encoder.as_ref().map_or(0, |encoder| encoder.finished_bytes) + self.open_bytes()
    }

    /// The same of files on their way alone.
    #[must_use]
    pub fn open_bytes(&self) -> u64 {
        let open = self.encoder.iter().flat_map(|encoder| encoder.open.values());
        open.map(|open| open.file.bytes()).sum()
    }

    /// Memory of the row groups in progress, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.encoder.as_ref().map_or(0, Encoder::memory)
    }

    async fn with_encoder(
        &mut self,
        work: impl FnOnce(&mut Encoder<P>, &mut Vec<Effect<P::Key>>) -> Result<(), FileError> + Send + 'static,
    ) -> Result<(), FileError> {
        let mut encoder = self.encoder.take().ok_or(FileError::Broken)?;
        let run = move || {
            let mut effects = Vec::new();
            let done = work(&mut encoder, &mut effects);
            done.map(|()| (encoder, effects))
        };
        let (encoder, effects) = self.workers.run(run).await?;
        for effect in effects {
            self.perform(effect).await?;
        }
        self.encoder = Some(encoder);
        Ok(())
    }

    async fn perform(&mut self, effect: Effect<P::Key>) -> Result<(), FileError> {
        match effect {
            Effect::Bytes { number, location, chunks } => {
                if let std::collections::hash_map::Entry::Vacant(place) = self.open.entry(number) {
                    self.begun.push(location.clone());
                    place.insert(self.sink.create(&location).await?);
                }
                if let Some(file) = self.open.get_mut(&number) {
                    for chunk in chunks {
                        file.write(chunk).await?;
                    }
                }
                Ok(())
            }
            Effect::End { number, file } => {
                let open = self.open.remove(&number).ok_or(FileError::Broken)?;
                let found = open.finish().await?;
                let WrittenFile { location, size, .. } = &file;
                if found != *size {
                    return Err(FileError::Size { location: location.clone(), written: *size, found });
                }
                self.written.push((number, file));
                Ok(())
            }
        }
    }
}

impl<P: Partitioner> std::fmt::Debug for FileSet<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSet").field("begun", &self.begun.len()).field("rows", &self.rows()).finish()
    }
}

/// What encoding leads to, in order.
enum Effect<K> {
    /// Bytes for a file, which may be its first.
    Bytes { number: u64, location: String, chunks: Vec<Bytes> },
    /// A file has all its bytes.
    End { number: u64, file: WrittenFile<K> },
}

/// The part that computes.
struct Encoder<P: Partitioner> {
    schema: SchemaRef,
    descriptor: SchemaDescriptor,
    properties: WriterProperties,
    settings: FileSettings,
    naming: Naming,
    partitioner: P,
    open: HashMap<P::Key, Open>,
    next: u64,
    /// Counts calls, to tell which file has waited longest.
    turn: u64,
    rows: u64,
    finished_bytes: u64,
}

struct Open {
    number: u64,
    location: String,
    file: OneFile,
    size: u64,
    turn: u64,
}

type Effects<K> = Vec<Effect<K>>;

impl<P: Partitioner> Encoder<P> {
    fn push(&mut self, rows: &RecordBatch, effects: &mut Effects<P::Key>) -> Result<(), FileError> {
        self.turn += 1;
        self.rows += rows.num_rows() as u64;
        let split = self.partitioner.split(rows).map_err(|error| FileError::Partition(Arc::new(error)))?;
        for (key, slices) in split {
            for rows in slices {
                self.write(&key, &rows, effects)?;
            }
            while self.memory() > self.settings.memory && self.relieve(effects)? {}
        }
        Ok(())
    }

    fn write(
        &mut self,
        key: &P::Key,
        rows: &RecordBatch,
        effects: &mut Effects<P::Key>,
    ) -> Result<(), FileError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        if !self.open.contains_key(key) {
            self.make_room(effects)?;
            let location = self.naming.location(&self.partitioner.path(key), self.next);
            let file =
                OneFile::begin(Arc::clone(&self.schema), self.descriptor.clone(), self.properties.clone())
                    .map_err(|error| FileError::encode(&location, error))?;
            let open = Open { number: self.next, location, file, size: 0, turn: 0 };
            self.next += 1;
            self.open.insert(key.clone(), open);
        }
        let turn = self.turn;
        let Some(open) = self.open.get_mut(key) else { return Ok(()) };
        open.turn = turn;
        let Open { location, file, .. } = &mut *open;
        file.write(rows).map_err(|error| FileError::encode(location, error))?;
        open.drain(effects);
        if open.file.bytes() >= self.settings.target_bytes {
            self.end(key, effects)?;
        }
        Ok(())
    }

    /// Finishes the file that has waited longest, where as many are open as may be.
    fn make_room(&mut self, effects: &mut Effects<P::Key>) -> Result<(), FileError> {
        while self.open.len() >= self.settings.max_open.max(1) {
            let oldest = self.open.iter().min_by_key(|(_, open)| (open.turn, open.number));
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { return Ok(()) };
            self.end(&key, effects)?;
        }
        Ok(())
    }

    /// Ends the row group that takes most; `false` where none is in progress.
    fn relieve(&mut self, effects: &mut Effects<P::Key>) -> Result<bool, FileError> {
        let most = self.open.values_mut().max_by_key(|open| (open.file.memory(), open.number));
        let Some(open) = most.filter(|open| open.file.memory() > 0) else { return Ok(false) };
        open.file.end_row_group().map_err(|error| FileError::encode(&open.location, error))?;
        open.drain(effects);
        Ok(true)
    }

    fn end(&mut self, key: &P::Key, effects: &mut Effects<P::Key>) -> Result<(), FileError> {
        let Some(Open { number, location, file, size, .. }) = self.open.remove(key) else { return Ok(()) };
        let ended = file.end().map_err(|error| FileError::encode(&location, error));
        let (metadata, rows, chunks) = ended?;
        let size = size + chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        self.finished_bytes += size;
        let file = WrittenFile {
            location: location.clone(),
            partition: key.clone(),
            rows,
            size,
            split_offsets: split_offsets(&metadata),
            columns: columns(&metadata),
        };
        effects.push(Effect::Bytes { number, location, chunks });
        effects.push(Effect::End { number, file });
        Ok(())
    }

    fn end_all(&mut self, effects: &mut Effects<P::Key>) -> Result<(), FileError> {
        let mut keys: Vec<(u64, P::Key)> =
            self.open.iter().map(|(key, open)| (open.number, key.clone())).collect();
        keys.sort_by_key(|(number, _)| *number);
        keys.iter().try_for_each(|(_, key)| self.end(key, effects))
    }

    fn memory(&self) -> usize {
        self.open.values().map(|open| open.file.memory()).sum()
    }
}

impl Open {
    fn drain<K>(&mut self, effects: &mut Effects<K>) {
        let chunks = self.file.take();
        if chunks.is_empty() {
            return;
        }
        self.size += chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        effects.push(Effect::Bytes { number: self.number, location: self.location.clone(), chunks });
    }
}
