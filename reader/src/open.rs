//! Opening segments: the tail (block index, transactions, footer) of each, in memory.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use firnline_index::batch::BatchError;
use firnline_index::block_index::{BlockEntry, BlockIndex};
use firnline_index::manifest::{Entry, Manifest};
use firnline_index::segment::{
    BlockError, ExpectedOrigin, MAX_TAIL_LEN, SegmentReadError, SegmentTail, StoredBrokerFiles, TRAILER_LEN,
    Trailer,
};
use firnline_index::topic_key::TopicKey;
use firnline_index::{ByteCount, ClusterId, Offset, SegmentUuid, StoredPosition, TopicId, TopicIdPartition};
use firnline_store::{ByteBudget, Store, StoreError};

use crate::cache::Cache;
use crate::disk::{Disk, Part, RecordKey, Wish};
use crate::error::ReadError;
use crate::fetch::{decode_all, records};
use crate::keys::SegmentKeys;
use crate::rest::{Rest, Rests};
use crate::segment::{SegmentPlace, SegmentRef};
use crate::settings::{ReaderSettings, WHOLE_SEGMENT_BYTES, Workers};
use crate::stats::{Counters, count};
use crate::tasks::Tasks;

/// A segment as a reader sees it: what the manifest says of it, and its tail. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Segment(Arc<Parts>);

struct Parts {
    tip: TopicIdPartition,
    entry: Entry,
    key: String,
    tail: Arc<SegmentTail>,
    /// Where its blocks are, if nobody has uploaded them.
    rest: Option<Arc<Rest>>,
}

impl Segment {
    pub(crate) fn new(tip: &TopicIdPartition, entry: &Entry, tail: Arc<SegmentTail>) -> Self {
        let key = entry.object_key(tip);
        Self(Arc::new(Parts { tip: tip.clone(), entry: entry.clone(), key, tail, rest: None }))
    }

    /// One that nobody has uploaded.
    fn on_disk(tip: &TopicIdPartition, entry: &Entry, tail: Arc<SegmentTail>, rest: Arc<Rest>) -> Self {
        let key = entry.object_key(tip);
        Self(Arc::new(Parts { tip: tip.clone(), entry: entry.clone(), key, tail, rest: Some(rest) }))
    }

    /// Where its blocks are, if nobody has uploaded them.
    pub(crate) fn rest(&self) -> Option<&Arc<Rest>> {
        self.0.rest.as_ref()
    }

    pub(crate) fn tip(&self) -> &TopicIdPartition {
        &self.0.tip
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.0.entry
    }

    pub(crate) fn tail(&self) -> &SegmentTail {
        &self.0.tail
    }

    pub(crate) fn index(&self) -> &BlockIndex {
        self.0.tail.index()
    }

    /// The index's line for a block below its length.
    pub(crate) fn block(&self, number: u32) -> BlockEntry {
        self.index().entry(number).expect("only numbers below the index's length are asked for")
    }

    /// Where the offsets of a block end: where the next one's begin, or the segment.
    pub(crate) fn end_of_block(&self, number: u32) -> Offset {
        let next = number.checked_add(1).and_then(|next| self.index().entry(next));
        next.map_or(self.0.entry.range.end(), |next| next.first_offset)
    }

    /// Where blocks, one after the other, lie in the object.
    pub(crate) fn stored(&self, blocks: &Range<u32>) -> Range<u64> {
        let start = self.0.entry.location.start.get();
        let (first, last) = (self.block(blocks.start), self.block(blocks.end - 1));
        start + first.stored.start..start + last.stored.end
    }

    pub(crate) fn store_error(&self, error: StoreError, end: u64) -> ReadError {
        read_error(&self.0.key, error, end)
    }

    pub(crate) fn block_error(&self, error: BlockError) -> ReadError {
        ReadError::Block { object: self.0.key.clone(), number: error.number(), source: Arc::new(error) }
    }

    pub(crate) fn batch_error(&self, number: u32, error: BatchError) -> ReadError {
        ReadError::Batches { object: self.0.key.clone(), number, source: Arc::new(error) }
    }
}

/// A segment that was just opened, with its blocks where it was short enough to be read whole.
pub(crate) struct Opened {
    pub(crate) segment: Segment,
    /// All of its blocks, decoded and checked.
    pub(crate) blocks: Option<Vec<Bytes>>,
    /// The broker's files about it, where they were wanted.
    files: Option<Arc<StoredBrokerFiles>>,
}

/// What opening one takes, and the tails that were opened before.
#[derive(Clone)]
pub(crate) struct Opener {
    store: Store,
    budget: ByteBudget,
    cache: Arc<Cache<(TopicId, SegmentUuid), Arc<SegmentTail>>>,
    files: Arc<Cache<(TopicId, SegmentUuid), Arc<StoredBrokerFiles>>>,
    tasks: Arc<Tasks>,
    counters: Arc<Counters>,
    workers: Workers,
    keys: Option<Arc<dyn SegmentKeys>>,
    rests: Arc<Rests>,
    disk: Option<Disk>,
}

impl Opener {
    pub(crate) fn new(
        store: Store,
        settings: &ReaderSettings,
        budget: ByteBudget,
        tasks: Arc<Tasks>,
        counters: Arc<Counters>,
    ) -> Self {
        let weigh = |tail: &Arc<SegmentTail>| tail.memory_bytes();
        let cache = Arc::new(Cache::new(settings.tail_cache_bytes, weigh));
        let weigh = |files: &Arc<StoredBrokerFiles>| files.memory_bytes();
        let files = Arc::new(Cache::new(settings.broker_file_cache_bytes, weigh));
        Self {
            store,
            budget,
            cache,
            files,
            tasks,
            counters,
            workers: settings.workers,
            keys: None,
            rests: Arc::default(),
            disk: None,
        }
    }

    pub(crate) fn with_keys(self, keys: Option<Arc<dyn SegmentKeys>>) -> Self {
        Self { keys, ..self }
    }

    pub(crate) fn with_rests(self, rests: Arc<Rests>) -> Self {
        Self { rests, ..self }
    }

    pub(crate) fn with_disk(self, disk: Option<Disk>) -> Self {
        Self { disk, ..self }
    }

    /// The same tails, of which none is asked for.
    pub(crate) fn held(&self, tasks: &Arc<Tasks>) -> Self {
        let (cache, files) = (Arc::new(self.cache.apart()), Arc::new(self.files.apart()));
        Self { cache, files, tasks: Arc::clone(tasks), ..self.clone() }
    }

    /// Opens a segment: no request where its tail is held, else one GET. A short segment is read whole, and its blocks
    /// are given to `keep`. Cancel safe.
    pub(crate) async fn open(
        &self,
        manifest: &Manifest,
        entry: &Entry,
        keep: impl FnOnce(&Segment, Vec<Bytes>) + Send + 'static,
    ) -> Result<Segment, ReadError> {
        if let Some((rest, tail)) = self.rests.segment(&manifest.tip, entry.uuid)? {
            return Ok(Segment::on_disk(&manifest.tip, entry, tail, rest));
        }
        let key = (manifest.tip.topic_id, entry.uuid);
        if let Some(tail) = self.cache.get(&key) {
            count(&self.counters.tail_hits, 1);
            return Ok(Segment::new(&manifest.tip, entry, tail));
        }
        let (opener, wanted) = (self.clone(), Wanted::new(manifest, entry));
        let load = || async move {
            let Opened { segment, blocks, .. } = opener.load(wanted, true).await?;
            if let Some(blocks) = blocks {
                keep(&segment, blocks);
            }
            Ok(Arc::clone(&segment.0.tail))
        };
        let tail = self.cache.get_or_load(&self.tasks, &key, load).await?;
        Ok(Segment::new(&manifest.tip, entry, tail))
    }

    /// Opens a segment that the caller names by itself, as [`Self::open`] does; the broker's files in it are kept as well.
    /// Where the caller does not know its place in the object, one GET more. Cancel safe.
    pub(crate) async fn open_named(
        &self,
        of: &SegmentRef,
        keep: impl FnOnce(&Segment, Vec<Bytes>) + Send + 'static,
    ) -> Result<Segment, ReadError> {
        let key = (of.tip.topic_id, of.uuid);
        let tail = match self.cache.get(&key) {
            Some(tail) => {
                count(&self.counters.tail_hits, 1);
                tail
            }
            None => {
                let (opener, of) = (self.clone(), of.clone());
                let load = || async move {
                    let place = match of.place {
                        Some(place) => place,
                        None => opener.find(&of).await?,
                    };
                    let opened = opener.load(Wanted::named(&of, place), true).await?;
                    opener.keep_files(&of, &opened);
                    if let Some(blocks) = opened.blocks {
                        keep(&opened.segment, blocks);
                    }
                    Ok(Arc::clone(&opened.segment.0.tail))
                };
                self.cache.get_or_load(&self.tasks, &key, load).await?
            }
        };
        of.check(&tail)?;
        let place = of.place.unwrap_or_else(|| place_by(&tail));
        Ok(Segment::new(&of.tip, &of.entry(place), tail))
    }

    /// The broker's files in a segment. No request where they are held, else as for opening it.
    pub(crate) async fn broker_files(
        &self,
        of: &SegmentRef,
        segment: &Segment,
    ) -> Result<Arc<StoredBrokerFiles>, ReadError> {
        let key = (of.tip.topic_id, of.uuid);
        if let Some(files) = self.files.get(&key) {
            return Ok(files);
        }
        let place = of.place.unwrap_or_else(|| place_by(segment.tail()));
        let (opener, of) = (self.clone(), of.clone());
        let load = || async move {
            let opened = opener.load(Wanted::named(&of, place), true).await?;
            // What was wanted was asked for; a segment without any has an empty set.
            opened.files.ok_or(ReadError::Closed)
        };
        self.files.get_or_load(&self.tasks, &key, load).await
    }

    /// Forgets what is held of a segment: its object was replaced or deleted.
    pub(crate) fn forget(&self, topic_id: TopicId, uuid: SegmentUuid) {
        self.cache.remove(&(topic_id, uuid));
        self.files.remove(&(topic_id, uuid));
    }

    fn keep_files(&self, of: &SegmentRef, opened: &Opened) {
        if let Some(files) = &opened.files {
            self.files.insert((of.tip.topic_id, of.uuid), Arc::clone(files));
        }
    }

    /// Where the tail lies of a segment of which the caller knows no more than the key: by its trailer. One GET.
    async fn find(&self, of: &SegmentRef) -> Result<SegmentPlace, ReadError> {
        let key = of.object_key();
        let length = TRAILER_LEN as u64;
        let read = self.store.get_suffix(&key, length).await;
        let (bytes, length) = read.map_err(|error| read_error(&key, error, length))?;
        let wrong = |source| ReadError::Segment { object: key.clone(), source: Arc::new(source) };
        let trailer = Trailer::parse(&bytes).map_err(|error| wrong(SegmentReadError::Trailer(error)))?;
        let tail = u64::from(trailer.tail_length);
        let shorter = SegmentReadError::TailLength { expected: tail, found: length };
        let tail_position = length.checked_sub(tail).ok_or_else(|| wrong(shorter))?;
        Ok(SegmentPlace {
            length: ByteCount::new(length),
            tail_position: StoredPosition::new(tail_position),
            object_crc: None,
        })
    }

    /// The same for one who reads everything once: what is held is used, but nothing is added.
    pub(crate) async fn open_once(&self, wanted: Wanted) -> Result<Opened, ReadError> {
        if let Some((rest, tail)) = self.rests.segment(&wanted.tip, wanted.entry.uuid)? {
            let segment = Segment::on_disk(&wanted.tip, &wanted.entry, tail, rest);
            return Ok(Opened { segment, blocks: None, files: None });
        }
        match self.cache.get(&(wanted.tip.topic_id, wanted.entry.uuid)) {
            Some(tail) => {
                count(&self.counters.tail_hits, 1);
                let segment = Segment::new(&wanted.tip, &wanted.entry, tail);
                Ok(Opened { segment, blocks: None, files: None })
            }
            None => self.load(wanted, false).await,
        }
    }

    /// From the disk cache, else from the store; what comes from there is written to the disk cache where it is to be `kept`.
    async fn load(&self, wanted: Wanted, kept: bool) -> Result<Opened, ReadError> {
        let wanted = Arc::new(wanted);
        let length = wanted.range.end - wanted.range.start;
        let most = u64::from(MAX_TAIL_LEN);
        if length > most {
            return Err(wanted.segment_error(SegmentReadError::TailLength { expected: most, found: length }));
        }
        let _reserved = self.budget.reserve(length).await;
        if let Some(opened) = self.cached(&wanted).await? {
            count(&self.counters.disk_tails, 1);
            return Ok(opened);
        }
        count(&self.counters.tail_loads, 1);
        let mut opened = self.attempt(&wanted, kept).await?;
        if opened.is_err() {
            // Bytes may go wrong on their way; those that are wrong twice are wrong at rest.
            count(&self.counters.reread, 1);
            opened = self.attempt(&wanted, kept).await?;
        }
        opened
    }

    /// One GET and what it comes to: the outer error is the store's, the inner one that of the bytes.
    async fn attempt(
        &self,
        wanted: &Arc<Wanted>,
        kept: bool,
    ) -> Result<Result<Opened, ReadError>, ReadError> {
        let Wanted { key, range, .. } = &**wanted;
        let read = self.store.get_range(key, range.clone()).await;
        let bytes = read.map_err(|error| read_error(key, error, range.end))?;
        let key = self.key(wanted, &bytes).await?;
        let (here, stored) = (Arc::clone(wanted), bytes.clone());
        let opened = self.workers.run(move || here.parse(here.from(), bytes, key.as_ref())).await;
        if let (Ok(opened), Some(disk), true) = (&opened, &self.disk, kept) {
            disk.put(wanted.records(opened, &stored), stored.len() as u64);
        }
        Ok(opened)
    }

    /// The segment by what the disk cache has of it: its tail alone. What cannot be opened is forgotten there.
    async fn cached(&self, wanted: &Arc<Wanted>) -> Result<Option<Opened>, ReadError> {
        let Some(disk) = self.disk.as_ref().filter(|disk| disk.knows(&wanted.record())) else {
            return Ok(None);
        };
        let wish = Wish { key: wanted.record(), length: wanted.tail_length() };
        let Some(bytes) = disk.get(vec![wish], |_, bytes| Ok(bytes)).await.into_iter().flatten().next()
        else {
            return Ok(None);
        };
        let key = self.key(wanted, &bytes).await?;
        let here = Arc::clone(wanted);
        let opened = self.workers.run(move || here.parse(here.tail_at(), bytes, key.as_ref())).await;
        if let Err(error) = &opened {
            disk.forget(&wanted.record(), error);
        }
        Ok(opened.ok())
    }

    /// The key that the segment's trailer names, where it names one.
    async fn key(&self, wanted: &Wanted, bytes: &[u8]) -> Result<Option<TopicKey>, ReadError> {
        let named = Trailer::parse(bytes).ok().and_then(|trailer| trailer.key_id);
        let Some(key_id) = named else { return Ok(None) };
        let locked = |retry, source| ReadError::Locked { object: wanted.key.clone(), retry, source };
        let Some(keys) = &self.keys else {
            return Err(locked(false, Arc::new(SegmentReadError::Sealed { key_id })));
        };
        let key = keys.key(wanted.tip.topic_id, key_id).await;
        key.map(Some).map_err(|failure| locked(failure.retry, failure.source))
    }
}

/// A segment that is to be opened.
pub(crate) struct Wanted {
    tip: TopicIdPartition,
    entry: Entry,
    expect: ExpectedOrigin,
    key: String,
    /// What is read of the object.
    range: Range<u64>,
    /// Whether the broker's files are to be taken out of the tail.
    with_files: bool,
}

impl Wanted {
    pub(crate) fn new(manifest: &Manifest, entry: &Entry) -> Self {
        let wanted = Self::of(&manifest.tip, Some(manifest.cluster_id.clone()), entry.clone());
        Self { expect: ExpectedOrigin { range: Some(entry.range), ..wanted.expect }, ..wanted }
    }

    /// One that the caller names by itself, with the broker's files. Its last offset is not held against what the caller
    /// knows: a broker's own count may go on behind the last batch.
    fn named(of: &SegmentRef, place: SegmentPlace) -> Self {
        let mut named =
            Self { with_files: true, ..Self::of(&of.tip, of.cluster_id.clone(), of.entry(place)) };
        if of.cluster_id.is_none() {
            // Of another cluster's it may know less than there is.
            named.expect.log_bytes = None;
        }
        named
    }

    fn of(tip: &TopicIdPartition, cluster_id: Option<ClusterId>, entry: Entry) -> Self {
        let (start, length) = (entry.location.start.get(), entry.location.length.get());
        let from = if length <= WHOLE_SEGMENT_BYTES { 0 } else { entry.tail_position.get() };
        Self {
            tip: tip.clone(),
            expect: ExpectedOrigin {
                cluster_id,
                topic_id: Some(tip.topic_id),
                partition: Some(tip.partition),
                uuid: Some(entry.uuid),
                range: None,
                log_bytes: Some(entry.log_bytes),
            },
            key: entry.object_key(tip),
            range: start.saturating_add(from.min(length))..start.saturating_add(length),
            entry,
            with_files: false,
        }
    }

    /// Where in the segment what is read begins.
    fn from(&self) -> u64 {
        self.range.start.saturating_sub(self.entry.location.start.get())
    }

    /// Where in the segment its tail begins.
    fn tail_at(&self) -> u64 {
        self.entry.tail_position.get().min(self.entry.location.length.get())
    }

    fn tail_length(&self) -> u64 {
        self.entry.location.length.get() - self.tail_at()
    }

    /// Its tail in the disk cache.
    fn record(&self) -> RecordKey {
        RecordKey::of(self.tip.topic_id, &self.entry, Part::Tail)
    }

    /// What the disk cache gets of what was read, which was right: the tail, and the blocks where they came along.
    fn records(&self, opened: &Opened, read: &Bytes) -> Vec<(RecordKey, Bytes)> {
        let skip = usize::try_from(self.tail_at() - self.from()).unwrap_or(usize::MAX).min(read.len());
        let mut all = vec![(self.record(), read.slice(skip..))];
        if opened.blocks.is_some() {
            all.extend(records(&opened.segment, 0, 0..opened.segment.index().len(), read));
        }
        all
    }

    /// Opens it by its bytes from there on.
    fn parse(&self, from: u64, bytes: Bytes, key: Option<&TopicKey>) -> Result<Opened, ReadError> {
        let at = StoredPosition::new(self.entry.tail_position.get());
        let skip = usize::try_from(at.get().saturating_sub(from)).unwrap_or(usize::MAX);
        let stored = bytes.slice(skip.min(bytes.len())..);
        let tail = SegmentTail::open(stored.clone(), at, &self.expect, key);
        let tail = tail.map_err(|error| self.segment_error(error))?;
        let files = self.with_files.then(|| tail.broker_files(&stored)).transpose();
        let files = files.map_err(|error| self.segment_error(error))?.map(Arc::new);
        let segment = Segment::new(&self.tip, &self.entry, Arc::new(tail));
        let whole = from == 0 && skip > 0;
        let blocks = whole.then(|| {
            let all = 0..segment.index().len();
            let decoded = decode_all(&segment, &all, &bytes.slice(..skip), true);
            decoded.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| segment.block_error(error))
        });
        // A damaged block does not keep the others from being read: they are asked for one by one.
        let blocks = blocks.and_then(Result::ok);
        Ok(Opened { segment, blocks, files })
    }

    fn segment_error(&self, error: SegmentReadError) -> ReadError {
        ReadError::Segment { object: self.key.clone(), source: Arc::new(error) }
    }
}

/// Where a segment that is open lies in its object.
fn place_by(tail: &SegmentTail) -> SegmentPlace {
    let tail_position = tail.index().stored_len();
    let length = tail_position.saturating_add(u64::from(tail.trailer().tail_length));
    SegmentPlace {
        length: ByteCount::new(length),
        tail_position: StoredPosition::new(tail_position),
        object_crc: None,
    }
}

fn read_error(key: &str, error: StoreError, end: u64) -> ReadError {
    match error.kind() {
        firnline_store::ErrorKind::BeyondEnd { .. } => ReadError::Short { object: key.to_owned(), end },
        _ => ReadError::store(key, error),
    }
}
