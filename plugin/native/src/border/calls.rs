//! The native methods without Java: handles and bytes in, values out. A panic in any of them is a failure of that one call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use firnline_config::surroundings::Surroundings;
use firnline_store::{Env, Store};

use super::handles::{HandleKind, Handles};
use super::segment::decode_segment;
use crate::Settings;
use crate::engine::{
    Copy, CopyFiles, Engine, EngineParts, Failure, FailureKind, FetchStream, IndexType, Segment,
};

/// Engines at once: a broker has one, and one more while it is configured anew.
const ENGINES: usize = 64;
/// Copies at once: a broker has a thread for each, ten as it comes.
const COPIES: usize = 4_096;
/// Streams at once, each of which may hold a megabyte of blocks. Whoever has so many open has forgotten to close them.
const STREAMS: usize = 4_096;
/// The end of a stream is its segment's.
const TO_THE_END: i32 = i32::MAX;

/// What Java holds, and the methods that it calls with it.
#[derive(Debug)]
pub struct Calls {
    engines: Handles<Engine>,
    copies: Handles<Copy>,
    streams: Handles<FetchStream>,
    #[cfg(any(test, debug_assertions))]
    faults: super::faults::Faults,
}

impl Default for Calls {
    fn default() -> Self {
        Self::new()
    }
}

impl Calls {
    /// Nothing is held yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            engines: Handles::new(HandleKind::Engine, ENGINES),
            copies: Handles::new(HandleKind::Copy, COPIES),
            streams: Handles::new(HandleKind::Stream, STREAMS),
            #[cfg(any(test, debug_assertions))]
            faults: super::faults::Faults::none(),
        }
    }

    /// An engine by the broker's keys.
    ///
    /// # Errors
    /// Every bad key at once; a tier that must not be written to.
    pub fn open(&self, pairs: &[(String, String)], around: &Surroundings) -> Result<i64, Failure> {
        let what = "open the plugin";
        self.guarded("open", || {
            let other = |source| Failure::because(FailureKind::Other, what, source);
            let settings = Settings::from_pairs(pairs, around).map_err(other)?;
            #[cfg(any(test, debug_assertions))]
            self.faults.arm(settings.panic_in.as_deref());
            // Armed by what it was opened with.
            self.strike("open");
            let env = Env::system();
            let ring = settings.ring(around, &env).map_err(other)?;
            let store = Store::open(settings.store, &settings.credentials, env.clone());
            let store = store.map_err(|source| Failure::because(FailureKind::Other, what, source))?;
            let parts = EngineParts { store, env, ring };
            let engine = Engine::open(parts, settings.engine)?;
            self.hold(engine)
        })
    }

    /// A handle to an engine that is open.
    ///
    /// # Errors
    /// Where there are too many.
    pub fn hold(&self, engine: Engine) -> Result<i64, Failure> {
        self.engines.insert(engine).ok_or_else(|| too_many("engines"))
    }

    /// Ends an engine's work; what has ended already has nothing to end.
    ///
    /// # Errors
    /// None but a panic.
    pub fn close(&self, engine: i64) -> Result<(), Failure> {
        self.guarded("close", || {
            if let Some(engine) = self.engines.remove(engine) {
                engine.close();
            }
            Ok(())
        })
    }

    /// Begins a copy.
    ///
    /// # Errors
    /// Metadata that cannot be read; an engine that is closed.
    pub fn start_copy(&self, engine: i64, segment: &[u8], files: CopyFiles) -> Result<i64, Failure> {
        self.guarded("startCopy", || {
            let copy = self.engine(engine)?.start_copy(decoded(segment)?, files)?;
            self.copies.insert(copy).ok_or_else(|| too_many("copies"))
        })
    }

    /// Custom metadata when it is done; `None` when the time is over.
    ///
    /// # Errors
    /// Why the copy failed.
    pub fn await_copy(&self, copy: i64, millis: i32) -> Result<Option<Vec<u8>>, Failure> {
        self.guarded("awaitCopy", || {
            let copy = self.copies.get(copy).ok_or_else(|| stale("copy"))?;
            copy.wait(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
        })
    }

    /// Aborts a copy that is under way, and forgets it.
    ///
    /// # Errors
    /// A handle that is stale.
    pub fn drop_copy(&self, copy: i64) -> Result<(), Failure> {
        self.guarded("dropCopy", || {
            let copy = self.copies.remove(copy).ok_or_else(|| stale("copy"))?;
            // Another thread may still wait for it; it is told so.
            copy.abort();
            Ok(())
        })
    }

    /// A stream of the bytes `start..=end`.
    ///
    /// # Errors
    /// No such segment here; a range that cannot be.
    pub fn fetch(&self, engine: i64, segment: &[u8], start: i32, end: i32) -> Result<i64, Failure> {
        self.guarded("fetch", || {
            let negative = |_| Failure::new(FailureKind::Other, format!("fetch {start}..={end}: negative"));
            let first = u32::try_from(start).map_err(negative)?;
            let last = u32::try_from(end).map_err(negative)?;
            let last = (end != TO_THE_END).then_some(last);
            let stream = self.engine(engine)?.fetch(&decoded(segment)?, first, last)?;
            self.streams.insert(stream).ok_or_else(|| too_many("streams"))
        })
    }

    /// The stream's next bytes, at least one and at most `max`; `None` at its end.
    ///
    /// # Errors
    /// Whatever keeps the next byte from being served.
    pub fn read(&self, stream: i64, max: usize) -> Result<Option<Bytes>, Failure> {
        self.guarded("read", || self.stream(stream)?.read(max))
    }

    /// What was passed over.
    ///
    /// # Errors
    /// A handle that is stale.
    pub fn skip(&self, stream: i64, bytes: i64) -> Result<i64, Failure> {
        self.guarded("skip", || {
            let passed = self.stream(stream)?.skip(u64::try_from(bytes).unwrap_or(0));
            // No more than was asked for.
            Ok(i64::try_from(passed).unwrap_or(bytes))
        })
    }

    /// Forgets a stream.
    ///
    /// # Errors
    /// A handle that is stale.
    pub fn drop_stream(&self, stream: i64) -> Result<(), Failure> {
        self.guarded("dropStream", || self.streams.remove(stream).map(|_| ()).ok_or_else(|| stale("stream")))
    }

    /// A file of a segment; `None` where it has none.
    ///
    /// # Errors
    /// No such segment, no such type, a file that every segment has.
    pub fn index(&self, engine: i64, segment: &[u8], of_type: i32) -> Result<Option<Bytes>, Failure> {
        self.guarded("index", || {
            let unknown = || Failure::new(FailureKind::Other, format!("there is no index of type {of_type}"));
            let of_type = IndexType::of(of_type).ok_or_else(unknown)?;
            self.engine(engine)?.index(&decoded(segment)?, of_type)
        })
    }

    /// Whether a segment is gone, or else not ours.
    ///
    /// # Errors
    /// The store's.
    pub fn delete(&self, engine: i64, segment: &[u8]) -> Result<bool, Failure> {
        self.guarded("delete", || self.engine(engine)?.delete(&decoded(segment)?))
    }

    /// `name value` a line.
    ///
    /// # Errors
    /// A handle that is stale.
    pub fn metrics(&self, engine: i64) -> Result<String, Failure> {
        self.guarded("metrics", || Ok(self.engine(engine)?.metrics()))
    }

    /// How many engines, copies and streams are held.
    #[must_use]
    pub fn held(&self) -> [usize; 3] {
        [self.engines.len(), self.copies.len(), self.streams.len()]
    }

    /// How many slots were ever made for them.
    #[must_use]
    pub fn slots_made(&self) -> [usize; 3] {
        [self.engines.slots_made(), self.copies.slots_made(), self.streams.slots_made()]
    }

    /// The methods that panic from now on: `fetch` each time, `fetch:2` the next two times; several are parted by commas.
    #[cfg(any(test, debug_assertions))]
    pub fn panic_in(&self, methods: Option<&str>) {
        self.faults.arm(methods);
    }

    fn guarded<T>(
        &self,
        method: &'static str,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        // What a panic leaves behind are locks, which nobody here takes for broken, and things that are dropped.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            self.strike(method);
            work()
        }));
        outcome.unwrap_or_else(|payload| Err(Failure::panic(method, &*payload)))
    }

    #[cfg(any(test, debug_assertions))]
    fn strike(&self, method: &str) {
        self.faults.strike(method);
    }

    #[cfg(not(any(test, debug_assertions)))]
    #[expect(clippy::unused_self, reason = "the same call as where there are faults")]
    fn strike(&self, _method: &str) {}

    fn engine(&self, handle: i64) -> Result<Arc<Engine>, Failure> {
        self.engines.get(handle).ok_or_else(|| stale("engine"))
    }

    fn stream(&self, handle: i64) -> Result<Arc<FetchStream>, Failure> {
        self.streams.get(handle).ok_or_else(|| stale("stream"))
    }
}

fn decoded(bytes: &[u8]) -> Result<Segment, Failure> {
    let what = "read the segment's metadata";
    decode_segment(bytes).map_err(|source| Failure::because(FailureKind::Other, what, source))
}

fn stale(what: &str) -> Failure {
    Failure::new(FailureKind::Other, format!("this {what} is not open any more"))
}

fn too_many(what: &str) -> Failure {
    Failure::new(FailureKind::Retry, format!("too many {what} are open"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_any_method_is_a_failure_of_that_call_alone() {
        let calls = Calls::new();
        let files = || CopyFiles {
            log: "/x".into(),
            offset_index: "/x".into(),
            time_index: "/x".into(),
            transaction_index: None,
            snapshot: None,
            leader_epochs: Bytes::new(),
        };
        let each: [(&str, &dyn Fn() -> Option<Failure>); 11] = [
            ("open", &|| calls.open(&[], &Surroundings::default()).err()),
            ("close", &|| calls.close(1).err()),
            ("startCopy", &|| calls.start_copy(1, &[], files()).err()),
            ("awaitCopy", &|| calls.await_copy(1, 1).err()),
            ("dropCopy", &|| calls.drop_copy(1).err()),
            ("fetch", &|| calls.fetch(1, &[], 0, 1).err()),
            ("read", &|| calls.read(1, 1).err()),
            ("skip", &|| calls.skip(1, 1).err()),
            ("dropStream", &|| calls.drop_stream(1).err()),
            ("index", &|| calls.index(1, &[], 0).err()),
            ("delete", &|| calls.delete(1, &[]).err()),
        ];
        for (method, call) in each {
            calls.panic_in(Some(method));
            let failure = call().unwrap();
            assert_eq!(failure.kind(), FailureKind::Other);
            let line = failure.line();
            assert!(line.starts_with(method) && line.contains("a fault was asked for"), "{line}");
            calls.panic_in(None);
            let next = call().map(|failure| failure.line());
            assert!(next.is_none_or(|line| !line.contains("panicked")));
        }
        calls.panic_in(Some("metrics"));
        assert!(calls.metrics(1).unwrap_err().line().contains("panicked"));
    }

    #[test]
    fn a_fault_may_be_over_after_some_calls() {
        let calls = Calls::new();
        calls.panic_in(Some("metrics:2,skip:1"));
        let panicked = |failure: Failure| failure.line().contains("panicked");
        let metrics: Vec<bool> = (0..4).map(|_| panicked(calls.metrics(1).unwrap_err())).collect();
        assert_eq!(metrics, [true, true, false, false]);
        let skips: Vec<bool> = (0..2).map(|_| panicked(calls.skip(1, 1).unwrap_err())).collect();
        assert_eq!(skips, [true, false]);
        assert!(!panicked(calls.read(1, 1).unwrap_err()));
    }

    #[test]
    fn opening_panics_by_what_it_is_told() {
        let calls = Calls::new();
        let told = [("cluster.id", "a"), ("store.url", "file:///nowhere"), ("fault.panic", "open:1")];
        let pairs = told.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let line = calls.open(&pairs, &Surroundings::default()).unwrap_err().line();
        assert!(line.contains("a fault was asked for in open"), "{line}");
    }

    #[test]
    fn handles_that_are_none_are_failures() {
        let calls = Calls::new();
        for handle in [0, -1, 1, i64::MAX, 1 << 56, 3 << 56] {
            assert!(calls.read(handle, 1).unwrap_err().line().contains("not open any more"));
            assert!(calls.drop_stream(handle).is_err() && calls.drop_copy(handle).is_err());
            assert!(calls.metrics(handle).is_err() && calls.await_copy(handle, 0).is_err());
            assert!(calls.close(handle).is_ok(), "a second time is nothing");
        }
    }

    #[test]
    fn bad_keys_are_all_told_in_one_line() {
        let calls = Calls::new();
        let pairs = [("store.urll".to_owned(), "x".to_owned())];
        let line = calls.open(&pairs, &Surroundings::default()).unwrap_err().line();
        assert!(line.contains("cluster.id is missing") && line.contains("did you mean store.url?"), "{line}");
        assert!(!line.contains('\n'));
    }
}
