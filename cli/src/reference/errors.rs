//! docs/errors.md

use std::fmt::Write as _;

use crate::exit::Exit;
use crate::failure::codes;

const HEAD: &str = "\
# Error codes

Generated from the code by `firnline reference errors`; a test compares the two.

Every error that a person can meet has a code that never changes its meaning. It stands in front of the message on standard
error, and it fixes the exit code. The letter tells the area: C command line and config, L log directories, O sidecar,
P server and proxy, R reader, S store, T tier.

| exit | meaning |
|---|---|
";

pub(super) fn page() -> String {
    let mut text = HEAD.to_owned();
    for (exit, meaning) in Exit::ALL {
        let _ = writeln!(text, "| {} | {meaning} |", exit.code());
    }
    for code in codes::all() {
        let _ = write!(
            text,
            "\n## {}\n\n**{}** (exit {})\n\n- Cause: {}.\n- Effect: {}.\n- What to do: {}.\n",
            code.id,
            code.title,
            code.exit.code(),
            code.cause,
            code.effect,
            code.action,
        );
    }
    text
}
