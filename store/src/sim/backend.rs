//! Memory, seen through the faults.

use super::late::{Late, LateMode, LateWrite};
use super::plan::{RunningRule, SimFault};
use super::trace::{Change, Fatal, TraceEvent};
use crate::backend::memory::MemoryBackend;
use crate::backend::{Backend, ListFrom, ListedPage, Part, PartTag, PutMode, Stored, UploadId};
use crate::counts::RequestKind;
use crate::env::{Clock, RandomExt, SeededRandom};
use crate::fault::{Attempt, Fault, FaultKind};
use crate::key::Key;
use crate::object::{Fetched, ListedObject, ObjectMeta, Payload, Version};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

type Hook = Arc<dyn Fn(&Fatal) + Send + Sync>;
type ChangeHook = Arc<dyn Fn(&Change) + Send + Sync>;
type RequestHook = Arc<dyn Fn(RequestKind, &str) + Send + Sync>;

/// What all connections share.
pub(super) struct Shared {
    pub(super) objects: MemoryBackend,
    pub(super) world: Mutex<World>,
    /// How many connections have died.
    pub(super) dead: watch::Sender<u32>,
    random: SeededRandom,
    clock: Arc<dyn Clock>,
}

/// What tests change and ask.
#[derive(Default)]
pub(super) struct World {
    pub(super) rules: Vec<RunningRule>,
    pub(super) latency: Range<Duration>,
    pub(super) protected: Vec<String>,
    pub(super) fatal: Vec<Fatal>,
    pub(super) on_fatal: Option<Hook>,
    pub(super) on_change: Option<ChangeHook>,
    pub(super) on_request: Option<RequestHook>,
    /// Whether it tells no checksums.
    pub(super) without_checksums: bool,
    /// Writes on their way, in the order in which they were sent.
    pub(super) late: Vec<LateWrite>,
    pub(super) trace: Vec<TraceEvent>,
    /// Creates and deletes, newest last: the object's line in a listing before it.
    changes: Vec<(String, Option<ListedObject>)>,
}

/// What is asked, for rules and trace.
struct Request<'a> {
    kind: RequestKind,
    key: &'a str,
    /// Sent, or asked for where that is known.
    bytes: u64,
}

/// How an applied request is bent.
#[derive(Clone, Copy, Debug)]
enum Bent {
    Not,
    IgnoredCondition,
    StaleListing(usize),
    /// It is applied then, and not answered.
    Late(Instant),
    TruncatedBody,
    /// With a number from which the bit is chosen.
    FlippedBit(u64),
    ShiftedRange,
}

impl Bent {
    /// A body as the reader gets it.
    fn body(self, bytes: Bytes) -> Bytes {
        match self {
            Self::TruncatedBody if !bytes.is_empty() => bytes.slice(..bytes.len() - 1),
            Self::FlippedBit(random) if !bytes.is_empty() => {
                let bits = bytes.len() as u64 * 8;
                let bit = usize::try_from(random % bits).expect("an index into memory");
                let mut flipped = bytes.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                flipped.into()
            }
            _ => bytes,
        }
    }
}

/// One process's view.
#[derive(Debug)]
pub(super) struct Connection {
    shared: Arc<Shared>,
    dead: AtomicBool,
}

impl Shared {
    pub(super) fn new(random: SeededRandom, clock: Arc<dyn Clock>) -> Self {
        let objects = MemoryBackend::new(Arc::clone(&clock));
        Self { objects, world: Mutex::default(), dead: watch::Sender::new(0), random, clock }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record_fatal(&self, fatal: Fatal) {
        let hook = {
            let mut world = self.world();
            world.fatal.push(fatal.clone());
            world.on_fatal.clone()
        };
        if let Some(hook) = hook {
            hook(&fatal);
        }
    }

    fn is_protected(&self, key: &Key) -> bool {
        self.world().protected.iter().any(|prefix| key.as_str().starts_with(prefix))
    }

    /// Keeps what a listing said of the key before it changed, and tells who listens what the object was.
    fn changed(&self, key: &Key, line: Option<ListedObject>, before: Option<Bytes>) {
        let hook = {
            let mut world = self.world();
            world.changes.push((key.as_str().to_owned(), line));
            world.on_change.clone()
        };
        if let Some(hook) = hook {
            hook(&Change { key: key.as_str().to_owned(), before, after: self.objects.peek(key.as_str()) });
        }
    }

    fn told(&self, stored: Stored) -> Stored {
        if self.world().without_checksums { Stored { checksum: None, ..stored } } else { stored }
    }

    pub(super) async fn apply_put(&self, key: &Key, payload: Payload, mode: PutMode<'_>) -> Attempt<Stored> {
        let current = self.objects.peek(key.as_str());
        let line = self.objects.line(key.as_str());
        let replaces_other = current.as_ref().is_some_and(|current| !payload.content_equals(current));
        let stored = self.told(self.objects.put(key, payload, mode).await?);
        self.changed(key, line, current);
        if replaces_other && !matches!(mode, PutMode::Update(_)) && self.is_protected(key) {
            self.record_fatal(Fatal::Overwritten { key: key.to_string() });
        }
        Ok(stored)
    }

    pub(super) async fn apply_complete(
        &self,
        key: &Key,
        upload: &UploadId,
        parts: &[PartTag],
    ) -> Attempt<Stored> {
        let current = self.objects.peek(key.as_str());
        let line = self.objects.line(key.as_str());
        let existed = line.is_some();
        let stored = self.told(self.objects.complete(key, upload, parts).await?);
        self.changed(key, line, current);
        if existed && self.is_protected(key) {
            self.record_fatal(Fatal::Overwritten { key: key.to_string() });
        }
        Ok(stored)
    }

    pub(super) async fn apply_delete(&self, key: &Key) -> Attempt<()> {
        let current = self.objects.peek(key.as_str());
        let line = self.objects.line(key.as_str());
        if line.is_some() {
            self.objects.delete(key).await?;
            self.changed(key, line, current);
            if self.is_protected(key) {
                self.record_fatal(Fatal::Deleted { key: key.to_string() });
            }
        }
        Ok(())
    }

    /// The page as it was before the last so many changes.
    fn stale(&self, page: ListedPage, prefix: &str, after: ListFrom<'_>, changes: usize) -> ListedPage {
        let ListedPage { objects, next } = page;
        let after = match after {
            ListFrom::Start => "",
            ListFrom::AfterKey(key) | ListFrom::Token(key) => key,
        };
        let end = next.as_ref().and_then(|_| objects.last()).map(|last| last.key.clone());
        let on_page =
            |key: &str| key.starts_with(prefix) && key > after && end.as_deref().is_none_or(|end| key <= end);
        let mut lines: BTreeMap<String, ListedObject> =
            objects.into_iter().map(|o| (o.key.clone(), o)).collect();
        for (key, before) in self.world().changes.iter().rev().take(changes).filter(|(key, _)| on_page(key)) {
            match before {
                Some(line) => lines.insert(key.clone(), line.clone()),
                None => lines.remove(key),
            };
        }
        ListedPage { objects: lines.into_values().collect(), next }
    }
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, dead: AtomicBool::new(false) }
    }

    /// One request: its latency, its fault, itself, its line in the trace.
    async fn request<T, R>(&self, request: Request<'_>, apply: impl FnOnce(Bent) -> R) -> Attempt<T>
    where
        R: Future<Output = Attempt<T>>,
    {
        if self.dead.load(Ordering::Acquire) {
            return std::future::pending().await;
        }
        let hook = self.shared.world().on_request.clone();
        if let Some(hook) = hook {
            hook(request.kind, request.key);
        }
        let (latency, fault) = self.draw(&request);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        self.shared.settle_late();
        // What is never answered is noted when it is sent.
        let unanswered = matches!(
            fault,
            Some(SimFault::Hang | SimFault::Late(_) | SimFault::DieBefore | SimFault::DieAfter)
        );
        if unanswered {
            self.note(&request, fault.as_ref(), &Err::<T, _>(Fault::new(FaultKind::Lost)));
        }
        let answer = self.answer(request.kind, fault.clone(), apply).await;
        self.note(&request, fault.as_ref(), &answer);
        answer
    }

    fn draw(&self, request: &Request<'_>) -> (Duration, Option<SimFault>) {
        let random = &self.shared.random;
        let mut world = self.shared.world();
        let spread = world.latency.end.saturating_sub(world.latency.start);
        let latency = world.latency.start + random.jitter(spread);
        let fault = world.rules.iter_mut().find_map(|rule| rule.decide(request.kind, request.key, random));
        (latency, fault)
    }

    async fn answer<T, R>(
        &self,
        kind: RequestKind,
        fault: Option<SimFault>,
        apply: impl FnOnce(Bent) -> R,
    ) -> Attempt<T>
    where
        R: Future<Output = Attempt<T>>,
    {
        let failed = |kind: FaultKind| Err(Fault::new(kind));
        match fault {
            None => apply(Bent::Not).await,
            Some(SimFault::ServerError) => failed(FaultKind::Server),
            Some(SimFault::Overloaded) => failed(FaultKind::Overloaded),
            Some(SimFault::Throttled(pause)) => {
                Err(Fault { kind: FaultKind::Throttled, retry_after: Some(pause), cause: None })
            }
            Some(SimFault::Busy) => failed(FaultKind::Busy),
            Some(SimFault::LostBefore) => failed(FaultKind::Lost),
            Some(SimFault::LostAfter) => {
                let _unheard = apply(Bent::Not).await;
                failed(FaultKind::Lost)
            }
            Some(SimFault::Unreachable) => failed(FaultKind::Unsent),
            Some(SimFault::Hang) => std::future::pending().await,
            Some(SimFault::Denied) => failed(FaultKind::Denied),
            Some(SimFault::Unauthenticated) => failed(FaultKind::Unauthenticated),
            Some(SimFault::Full) => failed(FaultKind::Full),
            Some(SimFault::Slow(longer)) => {
                tokio::time::sleep(longer).await;
                apply(Bent::Not).await
            }
            Some(SimFault::Late(longer)) => {
                let writes = matches!(
                    kind,
                    RequestKind::Put
                        | RequestKind::Create
                        | RequestKind::Update
                        | RequestKind::Complete
                        | RequestKind::Delete
                );
                match writes {
                    true => apply(Bent::Late(Instant::now() + longer)).await,
                    false => std::future::pending().await,
                }
            }
            Some(SimFault::DieBefore) => self.die().await,
            Some(SimFault::DieAfter) => {
                let _unheard = apply(Bent::Not).await;
                self.die().await
            }
            Some(SimFault::IgnoredCondition) => apply(Bent::IgnoredCondition).await,
            Some(SimFault::StaleListing(changes)) => apply(Bent::StaleListing(changes)).await,
            Some(SimFault::TruncatedBody) => apply(Bent::TruncatedBody).await,
            Some(SimFault::FlippedBit) => apply(Bent::FlippedBit(self.shared.random.u64())).await,
            Some(SimFault::ShiftedRange) => apply(Bent::ShiftedRange).await,
        }
    }

    /// Sends a write off; its answer never comes.
    async fn late<T>(&self, due: Instant, key: &Key, what: Late) -> Attempt<T> {
        self.shared.world().late.push(LateWrite { due, key: key.clone(), what });
        std::future::pending().await
    }

    async fn die<T>(&self) -> Attempt<T> {
        self.dead.store(true, Ordering::Release);
        self.shared.dead.send_modify(|dead| *dead += 1);
        std::future::pending().await
    }

    fn note<T>(&self, request: &Request<'_>, fault: Option<&SimFault>, answer: &Attempt<T>) {
        let at_ms = self.shared.clock.now_ms();
        let mut world = self.shared.world();
        let number = world.trace.len() as u64;
        let answer = match answer {
            Ok(_) => "ok".to_owned(),
            Err(fault) => fault.kind.to_string(),
        };
        let fault = fault.map(SimFault::label);
        let Request { kind: operation, key, bytes } = *request;
        world.trace.push(TraceEvent { number, at_ms, operation, key: key.to_owned(), bytes, fault, answer });
    }
}

#[async_trait]
impl Backend for Connection {
    async fn get(&self, key: &Key, unless: Option<&Version>, limit: u64) -> Attempt<Fetched> {
        let request = Request { kind: RequestKind::Get, key: key.as_str(), bytes: 0 };
        self.request(request, |bent| async move {
            let fetched = self.shared.objects.get(key, unless, limit).await?;
            Ok(Fetched { bytes: bent.body(fetched.bytes), ..fetched })
        })
        .await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Attempt<Bytes> {
        let request = Request { kind: RequestKind::Get, key: key.as_str(), bytes: range.end - range.start };
        self.request(request, |bent| async move {
            let asked = self.shared.objects.get_range(key, range.clone()).await?;
            match bent {
                Bent::ShiftedRange => {
                    let shifted = self.shared.objects.get_range(key, range.start + 1..range.end + 1).await;
                    Ok(shifted.unwrap_or(asked))
                }
                _ => Ok(bent.body(asked)),
            }
        })
        .await
    }

    async fn get_suffix(&self, key: &Key, length: u64) -> Attempt<(Bytes, u64)> {
        let request = Request { kind: RequestKind::Get, key: key.as_str(), bytes: length };
        self.request(request, |bent| async move {
            let (bytes, size) = self.shared.objects.get_suffix(key, length).await?;
            Ok((bent.body(bytes), size))
        })
        .await
    }

    async fn head(&self, key: &Key) -> Attempt<ObjectMeta> {
        let request = Request { kind: RequestKind::Head, key: key.as_str(), bytes: 0 };
        self.request(request, |_| self.shared.objects.head(key)).await
    }

    async fn put(&self, key: &Key, payload: Payload, mode: PutMode<'_>) -> Attempt<Stored> {
        let kind = match mode {
            PutMode::Unique | PutMode::Segment(_) => RequestKind::Put,
            PutMode::Create => RequestKind::Create,
            PutMode::Update(_) => RequestKind::Update,
        };
        let request = Request { kind, key: key.as_str(), bytes: payload.len() };
        self.request(request, |bent| async move {
            if let Bent::Late(due) = bent {
                return self.late(due, key, Late::Put(payload, LateMode::of(mode))).await;
            }
            let mode = if matches!(bent, Bent::IgnoredCondition) { PutMode::Unique } else { mode };
            self.shared.apply_put(key, payload, mode).await
        })
        .await
    }

    async fn begin(&self, key: &Key, class: Option<&str>) -> Attempt<UploadId> {
        let request = Request { kind: RequestKind::Begin, key: key.as_str(), bytes: 0 };
        self.request(request, |_| self.shared.objects.begin(key, class)).await
    }

    async fn part(&self, key: &Key, upload: &UploadId, part: Part) -> Attempt<PartTag> {
        let request = Request { kind: RequestKind::Part, key: key.as_str(), bytes: part.payload.len() };
        self.request(request, |_| self.shared.objects.part(key, upload, part)).await
    }

    async fn complete(&self, key: &Key, upload: &UploadId, parts: &[PartTag]) -> Attempt<Stored> {
        let request = Request { kind: RequestKind::Complete, key: key.as_str(), bytes: 0 };
        self.request(request, |bent| async move {
            if let Bent::Late(due) = bent {
                return self.late(due, key, Late::Complete(upload.clone(), parts.to_vec())).await;
            }
            self.shared.apply_complete(key, upload, parts).await
        })
        .await
    }

    async fn abort(&self, key: &Key, upload: &UploadId) -> Attempt<()> {
        let request = Request { kind: RequestKind::Abort, key: key.as_str(), bytes: 0 };
        self.request(request, |_| self.shared.objects.abort(key, upload)).await
    }

    async fn delete(&self, key: &Key) -> Attempt<()> {
        let request = Request { kind: RequestKind::Delete, key: key.as_str(), bytes: 0 };
        self.request(request, |bent| async move {
            if let Bent::Late(due) = bent {
                return self.late(due, key, Late::Delete).await;
            }
            self.shared.apply_delete(key).await
        })
        .await
    }

    async fn list(&self, prefix: &str, after: ListFrom<'_>, limit: usize) -> Attempt<ListedPage> {
        let request = Request { kind: RequestKind::List, key: prefix, bytes: 0 };
        self.request(request, |bent| async move {
            let page = self.shared.objects.list(prefix, after, limit).await?;
            match bent {
                Bent::StaleListing(changes) => Ok(self.shared.stale(page, prefix, after, changes)),
                _ => Ok(page),
            }
        })
        .await
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("objects", &self.objects).finish_non_exhaustive()
    }
}
