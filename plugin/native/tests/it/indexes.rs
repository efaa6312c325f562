//! The broker's files of many segments, in a memory that holds few of them.

use firnline_plugin::engine::{Engine, EngineSettings, FailureKind, IndexType};
use firnline_reader::ReaderSettings;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};

use crate::support::*;

fn with_memory(bytes: u64) -> EngineSettings {
    let settings = settings();
    let reader = ReaderSettings {
        broker_file_cache_bytes: bytes,
        tail_cache_bytes: bytes.max(1 << 20),
        ..settings.reader
    };
    EngineSettings { reader, ..settings }
}

#[test]
fn each_segment_has_its_own_files_whatever_memory_has_let_go_meanwhile() {
    let world = World::new();
    // Room for about two segments' files.
    let engine = Engine::open(world.parts(), with_memory(20 << 10)).unwrap();
    let locals: Vec<_> = (1..9).map(|id| Local::of(log(1_000, 20, 500, None), 20, id)).collect();
    let segments: Vec<_> = locals.iter().map(|local| local.known(copy(&engine, local).unwrap())).collect();
    let files: Vec<_> = locals
        .iter()
        .map(|local| {
            let read = |path| std::fs::read(path).unwrap();
            let files = &local.files;
            [
                (IndexType::Offset, read(&files.offset_index)),
                (IndexType::Timestamp, read(&files.time_index)),
                (IndexType::Transaction, read(files.transaction_index.as_ref().unwrap())),
            ]
        })
        .collect();
    assert_ne!(files[0], files[1]);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (engine, segments, files) = (&engine, &segments, &files);
            scope.spawn(move || {
                let mut numbers = Numbers(seed);
                for _ in 0..200 {
                    let at = usize::try_from(numbers.below(8)).unwrap();
                    let (of_type, expected) = &files[at][usize::try_from(numbers.below(3)).unwrap()];
                    let found = engine.index(&segments[at], *of_type).unwrap();
                    assert_eq!(found.as_deref(), Some(&expected[..]), "{of_type:?} of {at}");
                }
            });
        }
    });
    // What was deleted is not told from memory.
    assert!(engine.delete(&segments[3]).unwrap());
    let failure = engine.index(&segments[3], IndexType::Offset).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::NotFound);
}

#[test]
fn an_index_that_cannot_be_read_now_is_not_called_absent() {
    let world = World::new();
    let engine = Engine::open(world.parts(), with_memory(0)).unwrap();
    let local = Local::new(20, 500);
    let segment = local.known(copy(&engine, &local).unwrap());
    let transactions = std::fs::read(local.files.transaction_index.as_ref().unwrap()).unwrap();
    let found = engine.index(&segment, IndexType::Transaction).unwrap();
    assert_eq!(found.as_deref(), Some(&transactions[..]));
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Get]));
    assert!(engine.index(&segment, IndexType::Transaction).is_err());
    world.sim.heal();
    let found = engine.index(&segment, IndexType::Transaction).unwrap();
    assert_eq!(found.as_deref(), Some(&transactions[..]), "nor is a failure remembered");
}
