//! Where the demo works: a directory of its own, removed at the end but for the tier.

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::GlobalArgs;
use crate::commands::context::Context;
use crate::failure::{Failure, Result, codes};
use crate::surroundings::Surroundings;
use crate::units::Size;

/// A directory under the system's temporary one. What was not finished is removed when it is dropped, unless kept.
#[derive(Debug)]
pub struct Place {
    root: PathBuf,
    keep: bool,
    segment_bytes: u64,
    finished: bool,
}

impl Place {
    /// Makes the directory.
    pub fn new(keep: bool, segment_bytes: u64) -> Result<Self> {
        let temp = std::env::temp_dir();
        let id = std::process::id();
        let root = (0..1000).map(|n| temp.join(format!("firnline-{id}{}", suffix(n)))).find_map(|root| {
            match fs::create_dir(&root) {
                Ok(()) => Some(Ok(root)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => None,
                Err(error) => Some(Err((root, error))),
            }
        });
        let failed = |path: &Path| {
            Failure::new(&codes::LOCAL_IO, format!("create a directory such as {}", path.display()))
        };
        match root {
            Some(Ok(root)) => Ok(Self { root, keep, segment_bytes, finished: false }),
            Some(Err((path, error))) => Err(failed(&path).caused_by(error).into()),
            None => Err(failed(&temp.join(format!("firnline-{id}"))).into()),
        }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The broker's log directory.
    pub fn log_dir(&self) -> PathBuf {
        self.root.join("kafka")
    }

    /// The tier.
    pub fn tier(&self) -> PathBuf {
        self.root.join("tier")
    }

    /// The tier of the offload that is killed.
    pub fn second_tier(&self) -> PathBuf {
        self.root.join("killed")
    }

    /// A config for the demo's small segments.
    pub fn config(&self) -> Result<PathBuf> {
        let path = self.root.join("firnline.toml");
        let target = Size(self.segment_bytes);
        let text = format!("[offload]\ntarget_size = \"{target}\"\n\n[limits]\nparallel_partitions = 2\n");
        fs::write(&path, text).map_err(|error| io("write", &path, error))?;
        Ok(path)
    }

    /// What a command over this tier would start from.
    pub fn context(&self, tier: &Path, around: Surroundings) -> Result<Context> {
        let store = Some(tier.display().to_string());
        Context::new(&GlobalArgs { config: Some(self.config()?), store }, None, around)
    }

    /// Whether everything stays.
    pub fn kept(&self) -> bool {
        self.keep
    }

    /// The demo came to its end: what its last commands need stays.
    pub fn finish(mut self) -> Result<()> {
        self.finished = true;
        if self.keep {
            return Ok(());
        }
        for path in [self.log_dir(), self.second_tier()] {
            fs::remove_dir_all(&path).map_err(|error| io("remove", &path, error))?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.finished && !self.keep {
            // On the way out of an error or a signal there is nothing left to do about a directory that resists.
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

fn suffix(n: u32) -> String {
    if n == 0 { String::new() } else { format!("-{n}") }
}

/// A file of the demo that cannot be used.
pub fn io(action: &str, path: &Path, error: std::io::Error) -> Failure {
    Failure::new(&codes::LOCAL_IO, format!("{action} {}", path.display())).caused_by(error)
}
