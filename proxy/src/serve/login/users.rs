//! Who may log in: a file of hashed passwords.
//!
//! ```text
//! # NAME MECHANISM ITERATIONS SALT STORED-KEY SERVER-KEY, the last three in base64
//! ann SCRAM-SHA-256 16384 c2Fs… c3Rv… c2Vy…
//! ann SCRAM-SHA-512 16384 …
//! ```
//!
//! A user has one line for each mechanism that he may use; PLAIN is checked against the longest hash that is there.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::hash::{Hash, Hashed, ITERATIONS_TAKEN};
use crate::serve::codes::{self, Code};

/// The longest name, in bytes.
const NAME_MAX: usize = 255;
/// The most users.
const USERS_MAX: usize = 100_000;
/// The shortest salt, in bytes.
const SALT_MIN: usize = 8;

/// Who may log in.
#[derive(Debug, Clone, Default)]
pub struct Users {
    by_name: HashMap<Box<str>, [Option<Arc<Hashed>>; 2]>,
}

/// A text that is no list of users. What stands in it is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the users file {what}")]
pub struct UsersError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl UsersError {
    /// The stable code for the error page.
    #[must_use]
    pub const fn code(&self) -> Code {
        codes::USERS
    }
}

/// Whether a text can be a user's name: what separates or comments a line, or is a part of the name of a certificate, is no
/// part of it.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !['=', ',', '#'].contains(&c);
    !text.is_empty()
        && text.len() <= NAME_MAX
        && text.chars().all(plain)
        && !["*", "ANONYMOUS"].contains(&text)
}

impl Users {
    /// Reads a users file.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        let mut users = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                users.add(line).map_err(|what| UsersError { line: at + 1, what })?;
            }
        }
        Ok(users)
    }

    fn add(&mut self, line: &str) -> Result<(), &'static str> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [name, mechanism, iterations, salt, stored_key, server_key] = words[..] else {
            return Err("has not the form NAME MECHANISM ITERATIONS SALT STORED-KEY SERVER-KEY");
        };
        if !is_name(name) {
            return Err("begins with what is no user's name");
        }
        let hash = Hash::ALL.into_iter().find(|hash| hash.mechanism() == mechanism);
        let hash = hash.ok_or("names a mechanism that is neither SCRAM-SHA-256 nor SCRAM-SHA-512")?;
        let iterations = iterations.parse().ok().filter(|count| ITERATIONS_TAKEN.contains(count));
        let iterations = iterations.and_then(NonZeroU32::new).ok_or("has not 4096 to 200000 iterations")?;
        let decoded = |text: &str| STANDARD.decode(text).map_err(|_| "has a part that is no base64");
        let [salt, stored_key, server_key] = [decoded(salt)?, decoded(stored_key)?, decoded(server_key)?];
        if salt.len() < SALT_MIN {
            return Err("has a salt of less than 8 bytes");
        }
        if [&stored_key, &server_key].into_iter().any(|key| key.len() != hash.bytes()) {
            return Err("has a key of another length than its mechanism's");
        }
        if self.by_name.len() >= USERS_MAX && !self.by_name.contains_key(name) {
            return Err("is of one user more than are taken, 100000");
        }
        let slot = &mut self.by_name.entry(name.into()).or_default()[hash as usize];
        if slot.is_some() {
            return Err("is the second of its user and mechanism");
        }
        *slot = Some(Arc::new(Hashed { hash, salt, iterations, stored_key, server_key }));
        Ok(())
    }

    /// What is kept of a user's password for a mechanism; `None` is any of them, the longest first.
    pub(super) fn find(&self, name: &str, hash: Option<Hash>) -> Option<&Arc<Hashed>> {
        let [short, long] = self.by_name.get(name)?;
        match hash {
            Some(Hash::Sha256) => short.as_ref(),
            Some(Hash::Sha512) => long.as_ref(),
            None => long.as_ref().or(short.as_ref()),
        }
    }

    /// Whether a user may still log in by what he did log in with.
    pub(super) fn has(&self, name: &str, hashed: &Hashed) -> bool {
        self.find(name, Some(hashed.hash)).is_some_and(|kept| **kept == *hashed)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use firnline_store::env::SeededRandom;

    use super::super::hash::ITERATIONS;
    use super::*;

    fn line(name: &str, hash: Hash, password: &str) -> String {
        Hashed::new(hash, &password.into(), ITERATIONS, &SeededRandom::new(1)).line(name)
    }

    #[test]
    fn users_are_found_by_name_and_mechanism() {
        let text = format!(
            "# people\n\n{}\n  {}\n{}\n",
            line("ann", Hash::Sha256, "a"),
            line("ann", Hash::Sha512, "a"),
            line("ben", Hash::Sha256, "b"),
        );
        let users = Users::parse(&text).unwrap();
        assert_eq!(users.len(), 2);
        let found = |name, hash| users.find(name, hash).map(|kept| kept.hash);
        assert_eq!(found("ann", None), Some(Hash::Sha512));
        assert_eq!(found("ann", Some(Hash::Sha256)), Some(Hash::Sha256));
        assert_eq!(found("ben", None), Some(Hash::Sha256));
        assert_eq!(found("ben", Some(Hash::Sha512)), None);
        assert_eq!(found("nobody", None), None);
        let kept = users.find("ben", None).unwrap();
        assert!(kept.is_of(b"b") && !kept.is_of(b"a") && !kept.is_of(b""));
        let other = Users::parse(&line("ben", Hash::Sha256, "other")).unwrap();
        assert!(users.has("ben", kept) && !other.has("ben", kept) && !users.has("ann", kept));
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_not_repeated() {
        let good = line("ann", Hash::Sha256, "a");
        let with = |at: usize, word: &str| {
            let mut words: Vec<&str> = good.split(' ').collect();
            words[at] = word;
            words.join(" ")
        };
        for (text, says) in [
            (good.replacen(' ', "", 1), "form"),
            (format!("{good} x"), "form"),
            (with(0, "CN=ann"), "name"),
            (with(0, "ANONYMOUS"), "name"),
            (with(0, "*"), "name"),
            (with(1, "PLAIN"), "mechanism"),
            (with(2, "4095"), "iterations"),
            (with(2, "200001"), "iterations"),
            (with(2, "-5000"), "iterations"),
            (with(3, "hunter2!"), "base64"),
            (with(3, "YWJj"), "salt"),
            (with(4, "YWJj"), "length"),
            (with(5, "YWJj"), "length"),
            (format!("{good}\n{good}"), "second"),
        ] {
            let error = Users::parse(&format!("\n{text}")).unwrap_err();
            assert!(error.what.contains(says), "{text}: {error}");
            assert_eq!(error.line, 1 + text.lines().count(), "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
        assert!(!format!("{:?}", Users::parse(&good).unwrap()).contains(good.split(' ').nth(4).unwrap()));
    }
}
