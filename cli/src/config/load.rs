//! From a file's text to a [`Config`], with every problem at once.

use std::path::Path;

use firnline_config::environment;
use firnline_config::section::Section;
use firnline_config::source::{Lines, Problem, Source};
use toml::de::DeTable;

use super::Config;
use super::sections::{
    CacheSection, EncryptionSection, ExportSection, HttpSection, KafkaSection, LimitsSection, OffloadSection,
    ProxySection, SegmentsSection, ServeRuleSection, ServeSection, StoreSection,
};
use super::together::together;
use crate::failure::{Failure, Result, codes};
use crate::surroundings::{Surroundings, read_small};

/// The largest config file, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// Reads the file, if there is one, and lays the environment over it.
pub fn load(path: Option<&Path>, around: &Surroundings) -> Result<Config> {
    let text = match path {
        None => String::new(),
        Some(path) => {
            let unreadable = |error| {
                Failure::new(&codes::CONFIG_UNREADABLE, format!("read the config {}", path.display()))
                    .caused_by(error)
            };
            read_small(path, FILE_MAX).map_err(unreadable)?
        }
    };
    parse(&text, around).map_err(|problems| {
        let name = path.map(|path| path.display().to_string()).unwrap_or_default();
        let what = match problems.len() {
            1 => format!("the config {name} has a value that cannot be used"),
            n => format!("the config {name} has {n} values that cannot be used"),
        };
        let mut failure = Failure::new(&codes::CONFIG_INVALID, what);
        failure.notes = problems
            .into_iter()
            .map(|Problem { line, what }| if line == 0 { what } else { format!("line {line}: {what}") })
            .collect();
        failure.into()
    })
}

/// Reads a config's text and lays the environment over it. Fails with every problem, in the order of lines.
pub fn parse(text: &str, around: &Surroundings) -> std::result::Result<Config, Vec<Problem>> {
    let lines = Lines(text);
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(0, |span| lines.of(span.start));
        vec![Problem { line, what: error.message().to_owned() }]
    })?;
    let mut source = Source::new("", document.get_ref(), &lines);
    let mut inner_problems = Vec::new();
    let mut config = Config {
        store: StoreSection::take("store.", &mut source),
        cache: CacheSection::take("cache.", &mut source),
        limits: LimitsSection::take("limits.", &mut source),
        offload: OffloadSection::take("offload.", &mut source),
        segments: SegmentsSection::take("offload.", &mut source),
        kafka: KafkaSection::take("kafka.", &mut source),
        encryption: EncryptionSection::take("encryption.", &mut source),
        http: HttpSection::take("http.", &mut source),
        proxy: ProxySection::take("proxy.", &mut source),
        serve: ServeSection::take("serve.", &mut source),
        serve_rules: rules(&mut source, &lines, &mut inner_problems),
        export: ExportSection::take("export.", &mut source),
        export_topics: topics("export.topic", &mut source, &lines, &mut inner_problems),
        topics: topics("topic", &mut source, &lines, &mut inner_problems),
    };
    let mut problems = source.finish(&[], &[]);
    problems.extend(inner_problems);
    problems.extend(together(&config));
    environment::lay(&mut config.store.url, "FIRNLINE_STORE", true, around, &mut problems);
    environment::lay_over(&mut config.store, around, &mut problems);
    if problems.is_empty() {
        return Ok(config);
    }
    problems.sort_by_key(|problem| problem.line);
    Err(problems)
}

/// The sections of `[[topic]]`, or of another of its kind; each says which topics it is about.
fn topics<S: Section>(
    kind: &str,
    source: &mut Source<'_>,
    lines: &Lines<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<S> {
    let mut topics = Vec::new();
    for (at, (start, table)) in source.take_tables(kind).into_iter().enumerate() {
        let path = format!("{kind}[{}]", at + 1);
        let mut source = Source::new(&path, table, lines);
        topics.push(S::take("", &mut source));
        if !table.contains_key("name") {
            source.problem(lines.of(start), format!("{path}: has no name to match topics with"));
        }
        problems.extend(source.finish(&[], &[]));
    }
    topics
}

/// The rules of `[[serve.rule]]`; each says whom and what.
fn rules(source: &mut Source<'_>, lines: &Lines<'_>, problems: &mut Vec<Problem>) -> Vec<ServeRuleSection> {
    let mut rules = Vec::new();
    for (at, (start, table)) in source.take_tables("serve.rule").into_iter().enumerate() {
        let path = format!("serve.rule[{}]", at + 1);
        let mut source = Source::new(&path, table, lines);
        rules.push(ServeRuleSection::take("", &mut source));
        for key in ["principal", "topics"].into_iter().filter(|key| !table.contains_key(*key)) {
            source.problem(lines.of(start), format!("{path}: has no {key}"));
        }
        problems.extend(source.finish(&[], &[]));
    }
    rules
}
