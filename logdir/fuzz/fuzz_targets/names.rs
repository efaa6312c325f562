#![no_main]

use firnline_logdir::files::{DirName, FileName};

libfuzzer_sys::fuzz_target!(|name: &str| {
    if let DirName::Partition(topic, partition) = DirName::parse(name) {
        assert_eq!(format!("{topic}-{partition}"), name);
    }
    if let FileName::Segment(kind, base) = FileName::parse(name) {
        assert_eq!(kind.name(base), name);
    }
});
