#![no_main]

use std::cell::OnceCell;
use std::fs;

use firnline_logdir::WitnessJournal;
use tempfile::TempDir;

thread_local! {
    static DIR: OnceCell<TempDir> = const { OnceCell::new() };
}

/// Whatever stands in the journal: it opens or is refused, and what it came to is the same when it is opened again.
fn open(data: &[u8]) {
    DIR.with(|dir| {
        let dir = dir.get_or_init(|| TempDir::new().expect("a directory for the journal"));
        fs::write(dir.path().join(".firnline-witness"), data).expect("write the journal");
        let Ok(journal) = WitnessJournal::open(dir.path()) else { return };
        let again = WitnessJournal::open(dir.path()).expect("it was opened before");
        assert_eq!(journal.entries().count(), again.entries().count());
        assert_eq!(journal.names(), again.names());
    });
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| open(data));
