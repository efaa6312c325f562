//! Writes the golden segments of the current format version to `index/tests/golden/`.
//!
//! Run it once for a new version; files in the tree are never written again.
//! `cargo run -p firnline-index --example golden_segment`

#[path = "../tests/it/segment/sample.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "written for the tests, which use the rest")]
mod sample;

use std::io::Write;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for golden in sample::goldens() {
        let path = directory.join(format!("{}.v{}", golden.name, firnline_index::FORMAT_VERSION));
        if path.exists() {
            writeln!(out, "{} is there already and stays", path.display())?;
            continue;
        }
        let (object, summary) = sample::write(golden.options, &[golden.log.into()]);
        std::fs::write(&path, &object)?;
        writeln!(out, "{}: {} bytes, tail at {}", path.display(), object.len(), summary.tail_position)?;
    }
    Ok(())
}
