//! The text of a failure on standard error.

use std::fmt::Write as _;

use super::Failure;
use crate::output::Paint;

/// The failure as lines for standard error: the sentence with its causes, notes, help, and where to read on.
pub fn report(failure: &Failure, paint: Paint) -> String {
    let mut text = String::new();
    let head = format!("error[{}]", failure.code.id);
    let _ = writeln!(text, "{}: {}", paint.bad(&head), failure.sentence());
    for note in &failure.notes {
        let _ = writeln!(text, "  {note}");
    }
    let help = failure.help.as_deref().unwrap_or(failure.code.action);
    let _ = writeln!(text, "{} {help}", paint.strong("help:"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::codes;

    #[test]
    fn causes_are_joined_once() {
        let failure = Failure::new(&codes::CONFIG_UNREADABLE, "read the config /etc/f.toml")
            .caused_by(std::io::Error::from_raw_os_error(13))
            .note("a note");
        let text = report(&failure, Paint::plain());
        assert!(
            text.starts_with("error[FIRN-C101]: read the config /etc/f.toml: Permission denied"),
            "{text}"
        );
        assert!(text.contains("\n  a note\n"), "{text}");
        assert!(text.contains("\nhelp: "), "{text}");
    }
}
