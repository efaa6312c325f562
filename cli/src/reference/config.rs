//! docs/config.md

use std::fmt::Write as _;

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
- `[export]` belongs to a command that this build does not have.
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

fn joined(doc: &[&str]) -> String {
    let lines: Vec<&str> = doc.iter().map(|line| line.trim()).collect();
    lines.join(" ").replace('|', "\\|")
}
