//! Three commands to paste.

use std::path::Path;

use firnline_index::TimestampMs;

use super::place::Place;
use super::seek::Sought;
use crate::surroundings::Surroundings;
use crate::units::show_time;

/// The commands, as this binary would be called from where the demo was.
pub fn commands(place: &Place, sought: &Sought, around: &Surroundings) -> [String; 3] {
    let program = program(around);
    let tier = quoted(&place.tier());
    let (topic, partition) = (&sought.tip.topic, sought.tip.partition);
    // Whole seconds are enough to begin from, and shorter.
    let whole = TimestampMs::new(sought.time.get() / 1000 * 1000).unwrap_or(sought.time);
    let time = show_time(whole).replace(".000Z", "Z");
    [
        format!("{program} ls {tier}"),
        format!("{program} cat {tier} {topic}/{partition} --from @{time} --max 3"),
        format!("rm -r {}", quoted(place.root())),
    ]
}

/// How to call this program: by its name where the path finds it, else as short as can be.
fn program(around: &Surroundings) -> String {
    let Ok(program) = std::env::current_exe() else { return "firnline".to_owned() };
    let path = around.var("PATH").unwrap_or_default();
    let first =
        std::env::split_paths(path).map(|dir| dir.join("firnline")).find(|candidate| candidate.is_file());
    if first.and_then(|found| found.canonicalize().ok()).is_some_and(|found| found == program) {
        return "firnline".to_owned();
    }
    // With a slash in it the shell does not look in the path.
    let here = program.strip_prefix(&around.cwd).ok().filter(|rest| rest.components().count() > 1);
    quoted(here.unwrap_or(&program))
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
