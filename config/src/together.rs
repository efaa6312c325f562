//! What single keys cannot tell: values that are each in order and do not fit together.

use crate::sections::{CacheSection, EncryptionSection};
use crate::source::{Problem, Set};

/// The smallest cache on disk.
const DISK_CACHE_LEAST: u64 = 64 << 20;

/// What the disk cache is told.
pub fn cache(cache: &CacheSection, problems: &mut Vec<Problem>) {
    let CacheSection { disk_max_size, disk_dir, .. } = cache;
    let mut problem = |what: &str| {
        problems.push(Problem { line: disk_max_size.origin.line(), what: what.to_owned() });
    };
    let size = disk_max_size.value.0;
    if (1..DISK_CACHE_LEAST).contains(&size) {
        problem("cache.disk.max_size: 64MiB at least, or 0B for none");
    }
    if size > 0 && disk_dir.value.is_none() {
        problem("cache.disk.max_size: its directory is missing, cache.disk.dir");
    }
}

/// What the key ring is told. `encrypt` is what is said of single topics.
pub fn encryption<'a>(
    section: &'a EncryptionSection,
    encrypt: impl Iterator<Item = &'a Set<Option<bool>>>,
    problems: &mut Vec<Problem>,
) {
    let EncryptionSection { topics, keys, active, command } = section;
    let mut problem = |line: usize, what: String| problems.push(Problem { line, what });
    let (has_keys, has_command) = (!keys.value.0.is_empty(), !command.value.0.is_empty());
    if has_keys && has_command {
        let what = "encryption.command: the ring is either encryption.keys or a command, not both";
        problem(command.origin.line(), what.to_owned());
    }
    match (&active.value, has_keys || has_command) {
        (None, true) => {
            let ring = if has_keys { &keys.origin } else { &command.origin };
            problem(ring.line(), "encryption.active: missing; it names the key that wraps".to_owned());
        }
        (Some(_), false) => {
            problem(
                active.origin.line(),
                "encryption.active: there is no ring, encryption.keys or encryption.command".to_owned(),
            );
        }
        (Some(active_name), true)
            if has_keys && !keys.value.0.iter().any(|key| key.name == active_name.0) =>
        {
            problem(
                active.origin.line(),
                format!("encryption.active: {:?} is none of encryption.keys", active_name.0),
            );
        }
        _ => {}
    }
    for (number, key) in keys.value.0.iter().enumerate() {
        if keys.value.0[..number].iter().any(|other| other.name == key.name) {
            problem(
                keys.origin.line(),
                format!("encryption.keys: the name {:?} stands there twice", key.name),
            );
        }
    }
    let asked = std::iter::once(topics).chain(encrypt);
    for asked in asked.filter(|asked| asked.value == Some(true) && !(has_keys || has_command)) {
        let what =
            "topics are to be encrypted, and there is no ring: set encryption.keys or encryption.command";
        problem(asked.origin.line(), what.to_owned());
    }
}
