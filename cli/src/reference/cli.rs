//! docs/cli.md: the contract in words, then each command's own help.

use std::fmt::Write as _;

use clap::CommandFactory as _;

use crate::args::Cli;

/// The part that is written by hand.
const HEAD: &str = include_str!("cli.md");

/// The width that help is wrapped to, whatever terminal the page is made on.
const WIDTH: usize = 100;

pub(super) fn page() -> String {
    let mut text = HEAD.to_owned();
    let mut cli = Cli::command().term_width(WIDTH);
    cli.build();
    help(&mut cli, "", &mut text);
    text
}

fn help(command: &mut clap::Command, path: &str, text: &mut String) {
    let name = format!("{path}{}", command.get_name());
    let shown = command.render_long_help().to_string();
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let _ = write!(text, "\n### `{name}`\n\n```text\n{}\n```\n", lines.join("\n").trim());
    for sub in command.get_subcommands_mut().filter(|sub| !sub.is_hide_set()) {
        help(sub, &format!("{name} "), text);
    }
}

/// The words that the page lists for a field of a kind of line.
#[cfg(test)]
pub fn listed_words(field: &str, of: &str) -> Vec<String> {
    let start = format!("| {field} | {of} | ");
    let row = HEAD.lines().find_map(|line| line.strip_prefix(&start)).expect("the table has the row");
    row.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
