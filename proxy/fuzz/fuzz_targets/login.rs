//! Any bytes as the steps of a login by PLAIN and by SCRAM. What is kept of a password is made up here: only the words
//! are read.
#![no_main]

use std::num::NonZeroU32;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;

#[path = "sasl/mod.rs"]
mod login;

fuzz_target!(|bytes: &[u8]| {
    if let Some((user, password)) = login::plain(bytes) {
        assert!(!user.is_empty() && !user.contains('\0') && !password.is_empty() && password.len() <= 1024);
    }
    let [at, messages @ ..] = bytes else { return };
    let (first, last) = messages.split_at(usize::from(*at).min(messages.len()));
    let iterations = NonZeroU32::new(4096).expect("it is not zero");
    let kept = Arc::new(login::hash::Hashed { salt: vec![7; 24], iterations });
    if let Some(user) = login::scram(&kept, first, last) {
        assert!(!user.is_empty() && user.len() <= 4096);
    }
});
