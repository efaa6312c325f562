//! Keys from any text: refused, or printed as they were, inside the prefix.
#![no_main]

use firnline_index::keys::{ObjectKey, RelativeKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(key) = text.parse::<ObjectKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(key) = RelativeKey::new(text) {
        assert!(key.as_str().split('/').all(|part| !matches!(part, "" | "." | "..")));
    }
});
