//! The config as TOML again.

use firnline_config::section::{Section, Shown};
use firnline_config::source::Origin;

use super::{Config, sections};

/// What `config show` leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only what the file, the environment or the command line says.
    Said,
    /// Every key with the value in force and where it comes from.
    Effective,
}

/// The config as TOML that reads back as the same config. Secrets are never in it: a config holds only references, and
/// an address with a password in it is refused before it gets here.
pub fn show(config: &Config, scope: Scope) -> String {
    let Config {
        store,
        cache,
        limits,
        offload,
        segments,
        kafka,
        encryption,
        http,
        proxy,
        serve,
        serve_rules,
        export,
        export_topics,
        topics,
    } = config;
    let mut text = String::new();
    one("[store]", store.show(), scope, &mut text);
    one("[cache]", cache.show(), scope, &mut text);
    one("[limits]", limits.show(), scope, &mut text);
    one("[offload]", [offload.show(), segments.show()].concat(), scope, &mut text);
    one("[kafka]", kafka.show(), scope, &mut text);
    one("[encryption]", encryption.show(), scope, &mut text);
    one("[http]", http.show(), scope, &mut text);
    one("[proxy]", proxy.show(), scope, &mut text);
    one("[serve]", serve.show(), scope, &mut text);
    for rule in serve_rules {
        one(&format!("[[{}]]", sections::ServeRuleSection::NAME), rule.show(), scope, &mut text);
    }
    one("[export]", export.show(), scope, &mut text);
    for topic in export_topics {
        one(&format!("[[{}]]", sections::ExportTopicSection::NAME), topic.show(), scope, &mut text);
    }
    for topic in topics {
        one(&format!("[[{}]]", sections::TopicSection::NAME), topic.show(), scope, &mut text);
    }
    text
}

fn one(head: &str, shown: Vec<Shown>, scope: Scope, text: &mut String) {
    let said = |shown: &Shown| scope == Scope::Effective || shown.origin != Origin::Default;
    let shown: Vec<Shown> = shown.into_iter().filter(said).collect();
    if shown.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(head);
    text.push('\n');
    for Shown { name, value, origin } in shown {
        let line = match value {
            Some(value) => format!("{name} = {value}"),
            None => format!("# {name} is not set"),
        };
        let from = match origin {
            Origin::Default => "default".to_owned(),
            Origin::File(line) => format!("line {line}"),
            Origin::Environment(name) => format!("from {name}"),
            Origin::CommandLine => "from the command line".to_owned(),
            Origin::Broker => "from the broker".to_owned(),
        };
        match scope {
            Scope::Said => text.push_str(&line),
            Scope::Effective => text.push_str(&format!("{line:<44} # {from}")),
        }
        text.push('\n');
    }
}
