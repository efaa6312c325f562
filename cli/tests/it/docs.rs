//! The generated pages are what the binary prints.

use std::fs;
use std::path::Path;

use crate::rig::run;

#[test]
fn generated_pages_are_up_to_date() {
    for page in ["cli", "config", "plugin-config", "errors", "metrics"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/{page}.md"));
        let kept = fs::read_to_string(&path).unwrap_or_default();
        let now = run(["reference", page]);
        assert!(
            kept == now.fine(),
            "docs/{page}.md is out of date: cargo run -p firnline-cli -- reference {page} > docs/{page}.md"
        );
    }
}

#[test]
fn every_line_of_help_fits_the_page() {
    for line in run(["reference", "cli"]).fine().lines().filter(|line| !line.starts_with('|')) {
        assert!(line.chars().count() <= 126, "{line}");
    }
}
