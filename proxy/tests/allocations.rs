//! Reading sets nothing aside, whatever a frame claims; making an answer sets aside no copy of the records.

#![allow(clippy::unwrap_used, reason = "test helpers may panic")]
#![expect(unsafe_code, reason = "counting allocations takes an allocator, and that is unsafe by its trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Debug;

use bytes::Bytes;
use firnline_proxy::wire::messages::fetch::{Bounds, FetchResponse, FetchableTopicResponse, PartitionData};
use firnline_proxy::wire::{
    Api, Message, Patches, Splice, Value, fragment, read_response, splice, write_response,
};

#[macro_use]
#[path = "it/each.rs"]
mod each;
#[path = "it/frame.rs"]
#[allow(dead_code, reason = "nothing is written again here")]
mod frame;
#[path = "it/sample.rs"]
mod sample;

use frame::{framed, read};
use sample::{Taste, sample};

struct Counting;

thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + layout.size()));
        // SAFETY: the caller's promise is the system allocator's condition.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, hence from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many bytes this thread sets aside in `work`, in all.
fn set_aside<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let before = BYTES.get();
    let result = work();
    (BYTES.get() - before, result)
}

/// Goes through all of a message by printing it to nowhere.
struct Nowhere;

impl std::fmt::Write for Nowhere {
    fn write_str(&mut self, _: &str) -> std::fmt::Result {
        Ok(())
    }
}

fn walked<'f, M: Message<'f> + Debug>(frame: &'f [u8], version: i16) -> usize {
    let (bytes, _) = set_aside(|| {
        if let Ok(message) = read::<M>(frame, version) {
            std::fmt::write(&mut Nowhere, format_args!("{message:?}")).expect("nowhere has room");
        }
    });
    bytes
}

#[test]
fn reading_sets_nothing_aside() {
    macro_rules! check {
        ($type:ty, $name:ident) => {
            let api = <$type as Message>::API;
            let walked_versions = api.row().unwrap().walked.unwrap();
            for version in walked_versions.min..=walked_versions.max {
                for seed in 0..20_u64 {
                    let taste = Taste { unknown_tags: true };
                    let mut body = sample(<$type as Value>::KIND, api.form(version), seed, taste);
                    for place in 0..body.len().min(64) {
                        // Each byte made as large as it can be: counts and lengths among them.
                        let kept = std::mem::replace(&mut body[place], 0x7f);
                        let frame = framed(api, <$type as Message>::SIDE, version, &body);
                        assert_eq!(
                            walked::<$type>(&frame, version),
                            0,
                            "{} {version} {seed}",
                            stringify!($name)
                        );
                        body[place] = kept;
                    }
                    let frame = framed(api, <$type as Message>::SIDE, version, &body);
                    assert_eq!(walked::<$type>(&frame, version), 0, "{} {version} {seed}", stringify!($name));
                }
            }
        };
    }
    each_message!(check);
}

/// An answer of 50 partitions with 100 KiB of records each, half of them refused.
fn answer() -> Bytes {
    let records = Bytes::from(vec![b'r'; 100 << 10]);
    let partitions = (0..50).map(|partition_index| {
        let partition = PartitionData { partition_index, ..PartitionData::default() };
        if partition_index % 2 == 0 {
            let bounds = Bounds { high_watermark: 9, last_stable_offset: 9, log_start_offset: 0 };
            partition.filled(bounds, None, vec![records.clone()])
        } else {
            PartitionData { error_code: 1.into(), ..partition }
        }
    });
    let topic =
        FetchableTopicResponse { topic: "orders", partitions: partitions.collect(), ..Default::default() };
    let answer = FetchResponse { responses: vec![topic].into(), ..FetchResponse::default() };
    let (bytes, frame) = set_aside(|| write_response(&answer, 18, 1).unwrap());
    assert!(bytes < 32 << 10, "{bytes} bytes were set aside for an answer that shares its records");
    frame.into_bytes().slice(4..)
}

#[test]
fn an_answer_that_passes_or_is_filled_is_not_copied() {
    let frame = answer();
    assert!(frame.len() > 25 * (100 << 10));
    let mut patched = frame.to_vec();
    let (bytes, ()) = set_aside(|| {
        let answer: FetchResponse<'_> = read_response(&frame, 18).unwrap();
        let mut patches = Patches::new();
        for topic in &answer.responses {
            for partition in &topic.partitions {
                patches.set(&partition.log_start_offset, 0);
            }
        }
        patches.apply(&mut patched).unwrap();
    });
    assert!(bytes < 8 << 10, "{bytes} bytes were set aside to patch 50 entries");

    let cold = Bytes::from(vec![b'c'; 100 << 10]);
    let (bytes, filled) = set_aside(|| {
        let answer: FetchResponse<'_> = read_response(&frame, 18).unwrap();
        let mut splices = Vec::new();
        for topic in &answer.responses {
            for partition in topic.partitions.iter().filter(|partition| *partition.error_code == 1) {
                let bounds = Bounds { high_watermark: 9, last_stable_offset: 9, log_start_offset: 0 };
                let entry = partition.filled(bounds, None, vec![cold.clone()]);
                let with = fragment(&entry, Api::FETCH.form(18)).unwrap();
                splices.push(Splice { span: partition.span.unwrap(), with });
            }
        }
        splice(&frame, splices).unwrap()
    });
    assert!(bytes < 48 << 10, "{bytes} bytes were set aside to fill 25 entries with 2.5 MB");
    assert!(filled.into_bytes().len() > 50 * (100 << 10));
}
