//! The generated pages of docs/: command line, config (of the binary and of the broker plugin), errors, metrics. A test compares them with what is in the tree.

mod cli;
mod config;
mod errors;
mod metrics;

#[cfg(test)]
pub use cli::listed_words;

use crate::args::{Page, ReferenceArgs};

/// The page as Markdown.
pub fn page(args: &ReferenceArgs) -> String {
    match args.page {
        Page::Cli => cli::page(),
        Page::Config => config::page(),
        Page::PluginConfig => config::plugin_page(),
        Page::Errors => errors::page(),
        Page::Metrics => metrics::page(),
    }
}
