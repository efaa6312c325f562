//! What the process finds around itself: environment, working directory. Read once, at the start, and passed on as a
//! value, so that tests bring their own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The environment of the run.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Environment variables with UTF-8 names and values; others are none of ours.
    pub vars: BTreeMap<String, String>,
    /// The working directory; relative paths in arguments start here.
    pub cwd: PathBuf,
}

impl Surroundings {
    /// The process's own.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            vars: std::env::vars_os().filter_map(text).collect(),
            cwd: std::env::current_dir().unwrap_or_default(),
        }
    }

    /// The value of a variable, if it is set.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }
}

/// Reads a text file of at most `max` bytes, whatever length the file claims: a device given by mistake has none and never
/// ends.
pub fn read_small(path: &Path, max: u64) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(max + 1).read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read > max) {
        return Err(io::Error::other(format!("it has more than {max} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_end_is_refused() {
        assert!(
            read_small(Path::new("/dev/zero"), 1000).is_err_and(|error| error.to_string().contains("1000"))
        );
        assert_eq!(read_small(Path::new("/dev/null"), 1000).unwrap(), "");
    }
}
