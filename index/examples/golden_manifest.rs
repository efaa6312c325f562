//! Writes golden files of the newest version into a directory: `cargo run -p firnline-index --example
//! golden_manifest -- DIR` (by default `tests/golden` of this crate). A file that is there already is never written
//! again: a version's golden bytes are fixed once they are in the tree.

#[path = "../tests/it/meta/samples.rs"]
mod samples;

use std::error::Error;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let dir = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| default.into()));
    std::fs::create_dir_all(&dir)?;
    let version = firnline_index::FORMAT_VERSION;
    let binary = [
        ("manifest-full", samples::full_head().encode()?.to_vec()),
        ("manifest-began", samples::began_head().encode()?.to_vec()),
        ("manifest-kip405", samples::kip405_head().encode()?.to_vec()),
        ("manifest-entries-page", samples::entries_page().encode()?.0.to_vec()),
        ("manifest-refs-page", samples::refs_page().encode()?.0.to_vec()),
        ("summary", samples::summary().encode()?),
    ]
    .map(|(name, bytes)| (format!("{name}.v{version}"), bytes));
    let json = [
        ("marker", samples::marker().encode()?),
        ("topic", samples::topic().encode()?),
        ("topic-full", samples::full_topic().encode()?),
        ("topic-key", samples::wrapped_key().encode()?),
        ("lease", samples::lease().encode()?),
        ("floor", samples::floor().encode()?),
        ("group", samples::group().encode()?),
        ("state-groups", samples::groups().encode()?),
        ("state-configs", samples::topic_configs().encode()?),
        ("state-acls", samples::acls().encode()?),
    ]
    .map(|(name, bytes)| (format!("{name}.v{version}.json"), bytes));
    for (name, bytes) in binary.into_iter().chain(json) {
        let path = dir.join(&name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => file.write_all(&bytes)?,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}
