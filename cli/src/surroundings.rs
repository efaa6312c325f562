//! What the process finds around itself: environment, working directory. Read once, at the start, and passed on as a
//! value, so that tests bring their own.

use std::collections::BTreeMap;
use std::path::PathBuf;

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
