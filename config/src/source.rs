//! A parsed file, or a broker's properties, from which sections take their keys; what nobody takes is unknown.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::nearest::nearest;
use crate::value::Value;

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
    /// The broker's properties.
    Broker,
}

impl Origin {
    /// The line, from 1, in which somebody said so; 0 where it was no file.
    pub fn line(&self) -> usize {
        match self {
            Self::File(line) => *line,
            Self::Default | Self::Environment(_) | Self::CommandLine | Self::Broker => 0,
        }
    }
}

/// A value as it was found.
#[derive(Debug, Clone, Copy)]
enum Found<'a> {
    Toml(&'a DeValue<'a>),
    /// Of a properties file, where every value is text.
    Text(&'a str),
}

impl Found<'_> {
    fn read<T: Value>(self) -> Result<T, String> {
        match self {
            Self::Toml(value) => T::read(value),
            // As in a file: an empty template variable must not pass unseen.
            Self::Text("") => Err("is empty".to_owned()),
            Self::Text(text) => T::parse(text),
        }
    }
}

/// One thing wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; 0 for what stands in no line.
    pub line: usize,
    /// What is wrong, with the key.
    pub what: String,
}

/// A table of the file, flattened to dotted keys, or a broker's properties.
#[derive(Debug)]
pub struct Source<'a> {
    /// What stands before the keys in messages, e.g. `topic[2]`.
    path: String,
    /// How keys are spelled here.
    spelling: Spelling,
    entries: BTreeMap<String, (Origin, Found<'a>)>,
    asked: Vec<String>,
    problems: Vec<Problem>,
}

/// How keys are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As they are declared: `cache.disk.max_size`.
    Toml,
    /// As a broker's own are: `cache.disk.max.size`.
    Dotted,
}

impl Spelling {
    /// A declared key as it is spelled.
    pub fn of(self, key: &str) -> String {
        match self {
            Self::Toml => key.to_owned(),
            Self::Dotted => key.replace('_', "."),
        }
    }
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
        Self {
            path: String::new(),
            spelling: Spelling::Toml,
            entries: BTreeMap::new(),
            asked: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The properties that a broker passes on.
    pub fn of_broker(pairs: &'a [(String, String)]) -> Self {
        let mut source = Self { spelling: Spelling::Dotted, ..Self::empty() };
        for (key, value) in pairs {
            let found = (Origin::Broker, Found::Text(value.trim()));
            if source.entries.insert(key.clone(), found).is_some() {
                source.problem(0, format!("{key} is given twice"));
            }
        }
        source
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
                    let origin = Origin::File(lines.of(key.span().start));
                    self.entries.insert(dotted, (origin, Found::Toml(other)));
                }
            }
        }
    }

    /// Whether a key is there that nobody is to take; it is gone then.
    pub fn pass_over(&mut self, key: &str) -> bool {
        self.entries.remove(key).is_some()
    }

    /// Takes the value of a key, else its default. A bad value is noted and the default goes on in its place, so that
    /// all bad values are found in one run.
    pub fn take<T: Value>(&mut self, key: &str, default: &str) -> Set<T> {
        let spelled = self.spelling.of(key);
        let found = self.entries.remove(&spelled);
        let unsaid = || Set { value: default_of(key, default), origin: Origin::Default };
        let set = match found {
            None => unsaid(),
            Some((origin, found)) => match found.read() {
                Ok(value) => Set { value, origin },
                Err(what) => {
                    let what = format!("{}: {what}", self.full(&spelled));
                    self.problems.push(Problem { line: origin.line(), what });
                    unsaid()
                }
            },
        };
        self.asked.push(spelled);
        set
    }

    /// Takes an array of tables, e.g. `[[topic]]`.
    pub fn take_tables(&mut self, key: &str) -> Vec<(usize, &'a DeTable<'a>)> {
        let Some((origin, found)) = self.entries.remove(key) else { return Vec::new() };
        let line = origin.line();
        let Found::Toml(DeValue::Array(items)) = found else {
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
        for (key, (origin, _)) in entries {
            let line = origin.line();
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
