//! A parsed file from which sections take their keys; what nobody takes is unknown.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::value::Value;
use crate::nearest::nearest;

/// A value and where it came from.
#[derive(Debug, Clone)]
pub struct Set<T> {
    /// The value.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

/// Who said so; the later wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody.
    Default,
    /// The file, in this line.
    File(usize),
    /// An environment variable.
    Environment(&'static str),
    /// The command line.
    CommandLine,
}

/// One thing wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; 0 for what stands in no line.
    pub line: usize,
    /// What is wrong, with the key.
    pub what: String,
}

/// A table of the file, flattened to dotted keys.
#[derive(Debug)]
pub struct Source<'a> {
    /// What stands before the keys in messages, e.g. `topic[2]`.
    path: String,
    entries: BTreeMap<String, (usize, &'a DeValue<'a>)>,
    asked: Vec<String>,
    problems: Vec<Problem>,
}

/// Turns positions in the text into lines.
pub struct Lines<'a>(pub &'a str);

impl Lines<'_> {
    /// The line, from 1, in which the byte at `position` stands.
    pub fn of(&self, position: usize) -> usize {
        let before = self.0.as_bytes().get(..position).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

impl<'a> Source<'a> {
    /// A source that holds nothing: every key has its default.
    pub fn empty() -> Self {
        Self { path: String::new(), entries: BTreeMap::new(), asked: Vec::new(), problems: Vec::new() }
    }

    /// Flattens a table. `path` is what its keys are named under in messages; empty for the whole file.
    pub fn new(path: &str, table: &'a DeTable<'a>, lines: &Lines<'_>) -> Self {
        let mut source = Self { path: path.to_owned(), ..Self::empty() };
        source.flatten("", table, lines);
        source
    }

    fn flatten(&mut self, prefix: &str, table: &'a DeTable<'a>, lines: &Lines<'_>) {
        for (key, value) in table {
            let dotted = if prefix.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{prefix}.{}", key.get_ref())
            };
            match value.get_ref() {
                DeValue::Table(inner) => self.flatten(&dotted, inner, lines),
                other => {
                    self.entries.insert(dotted, (lines.of(key.span().start), other));
                }
            }
        }
    }

    /// Takes the value of a key, else its default. A bad value is noted and the default goes on in its place, so that
    /// all bad values are found in one run.
    pub fn take<T: Value>(&mut self, key: &str, default: &str) -> Set<T> {
        self.asked.push(key.to_owned());
        let Some((line, value)) = self.entries.remove(key) else {
            return Set { value: default_of(key, default), origin: Origin::Default };
        };
        match T::read(value) {
            Ok(value) => Set { value, origin: Origin::File(line) },
            Err(what) => {
                let what = format!("{}: {what}", self.full(key));
                self.problems.push(Problem { line, what });
                Set { value: default_of(key, default), origin: Origin::Default }
            }
        }
    }

    /// Takes an array of tables, e.g. `[[topic]]`.
    pub fn take_tables(&mut self, key: &str) -> Vec<(usize, &'a DeTable<'a>)> {
        let Some((line, value)) = self.entries.remove(key) else { return Vec::new() };
        let DeValue::Array(items) = value else {
            self.problems.push(Problem { line, what: format!("{key}: write it as [[{key}]]") });
            return Vec::new();
        };
        let table = |item: &'a Spanned<DeValue<'a>>| match item.get_ref() {
            DeValue::Table(table) => Some((item.span().start, table)),
            _ => None,
        };
        let tables: Vec<_> = items.iter().filter_map(table).collect();
        if tables.len() != items.len() {
            self.problems.push(Problem { line, what: format!("{key}: write it as [[{key}]]") });
        }
        tables
    }

    /// Notes something wrong that a section found itself.
    pub fn problem(&mut self, line: usize, what: String) {
        self.problems.push(Problem { line, what });
    }

    /// Everything wrong with what this source held, keys that nobody took included. `also_known` are names that are
    /// taken elsewhere and may be what an unknown one meant.
    pub fn finish(mut self, also_known: &[&str], later: &[(&str, &str)]) -> Vec<Problem> {
        let entries = std::mem::take(&mut self.entries);
        for (key, (line, _)) in entries {
            let section = key.split('.').next().unwrap_or_default();
            if let Some((_, whose)) = later.iter().find(|(name, _)| *name == section && self.path.is_empty())
            {
                self.problems.push(Problem {
                    line,
                    what: format!("[{section}] configures {whose}, which this build does not have"),
                });
                continue;
            }
            let known = self.asked.iter().map(String::as_str).chain(also_known.iter().copied());
            let meant = self.suggest(&key, known);
            let what = format!("{} is not a known key{meant}", self.full(&key));
            self.problems.push(Problem { line, what });
        }
        self.problems
    }

    fn suggest<'k>(&self, key: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
        // The right name under a wrong section is as near as a misspelt one.
        let last = |key: &'k str| key.rsplit('.').next().unwrap_or(key);
        let own_last = key.rsplit('.').next().unwrap_or(key);
        let moved = known.clone().find(|candidate| last(candidate) == own_last);
        match nearest(key, known, 1).first().copied().or(moved) {
            Some(name) => format!("; did you mean {}?", self.full(name)),
            None => String::new(),
        }
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

fn default_of<T: Value>(key: &str, default: &str) -> T {
    T::parse(default).unwrap_or_else(|error| panic!("the default of {key} is in the code and valid: {error}"))
}
