//! docs/config.md and docs/plugin-config.md

use std::fmt::Write as _;

use firnline_config::plugin;

use crate::config;

const HEAD: &str = "\
# Config

Generated from the code by `firnline reference config`; a test compares the two.

A config is a TOML file, named by `--config` or `FIRNLINE_CONFIG`; there is no default place. Every key is optional. Unknown
keys are refused with the nearest known one, and all bad values are reported in one run: `firnline config check`.
`firnline config show --effective` prints every key with the value in force and who said so.

- **Order.** The command line stands before the environment, the environment before the file, the file before the default.
  Variables of the clouds' own tools (`AWS_REGION` and the like) stand in only where the file says nothing.
- **Sizes** are whole numbers with a unit: `B KiB MiB GiB TiB` or `kB MB GB TB`. **Durations** likewise: `ms s m h d`.
- **Secrets** are never written here. A key of that kind names where the secret stands: `file:/PATH` or `env:NAME`.
- **Dots.** `deadline.read = \"5s\"` under `[store]` and `read = \"5s\"` under `[store.deadline]` are the same.
";

pub(super) fn page() -> String {
    let mut text = HEAD.to_owned();
    for section in config::reference() {
        let _ = writeln!(text, "\n## {}\n\n{}\n", section.head, joined(section.doc));
        let _ = writeln!(text, "| key | value | default | meaning |\n|---|---|---|---|");
        for key in section.keys {
            let default = key.default.map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"));
            let _ = writeln!(text, "| `{}` | {} | {default} | {} |", key.name, key.kind, joined(key.doc));
        }
    }
    text
}

const PLUGIN_HEAD: &str = "\
# Config of the broker plugin

Generated from the code by `firnline reference plugin-config`; a test compares the two.

The library in the plugin takes these keys of `server.properties`. They are those of [the config file](config.md), with dots in place of `_`, and
mean the same; lists are separated by commas. What only the Java half reads (`rsm.config.native.…`, `rsm.config.previous.…`) is in
[its README](../plugin/README.md). What is said of the command line does not concern a broker. All bad keys are told in one line of the broker's log, and the broker does not start. Each change needs a restart of
the broker. Variables of the clouds' own tools (`AWS_REGION` and the like) stand in for what is not said.
";

pub(super) fn plugin_page() -> String {
    let mut text = PLUGIN_HEAD.to_owned();
    let _ = writeln!(text, "\n| key | value | default | meaning |\n|---|---|---|---|");
    for (name, key) in plugin::keys() {
        let default = key
            .default
            .map_or_else(|| "not set".to_owned(), |value| format!("`{}`", value.trim_matches('"')));
        let (prefix, name) = (plugin::PREFIX, plugin::spelled(&name));
        let _ = writeln!(
            text,
            "| `{prefix}{name}` | {} | {default} | {} |",
            key.kind,
            plugin::spelled(&joined(key.doc))
        );
    }
    text
}

fn joined(doc: &[&str]) -> String {
    let lines: Vec<&str> = doc.iter().map(|line| line.trim()).collect();
    lines.join(" ").replace('|', "\\|")
}
