//! What every form of `offload` starts from.

use std::path::PathBuf;

use crate::args::GlobalArgs;
use crate::commands::context::Context;
use crate::commands::selection::usage;
use crate::config::Config;
use crate::failure::{Failure, Result, codes};
use crate::selector::TopicPattern;
use crate::surroundings::Surroundings;

/// The config, the broker's directories, and topics where some were named.
#[derive(Debug)]
pub struct Typed {
    /// The config in force, and the world.
    pub context: Context,
    /// The broker's log directories; at least one.
    pub log_dirs: Vec<PathBuf>,
    /// Topics named on the command line; if there are none, the config decides.
    pub patterns: Vec<TopicPattern>,
}

impl Typed {
    /// Reads the config and lays the command line over it.
    pub fn new(
        log_dir: Vec<PathBuf>,
        topic: Vec<String>,
        global: &GlobalArgs,
        around: Surroundings,
    ) -> Result<Self> {
        let patterns = topic.iter().map(|text| text.parse().map_err(usage));
        let patterns = patterns.collect::<std::result::Result<Vec<TopicPattern>, Failure>>()?;
        let context = Context::new(global, None, around)?;
        let log_dirs = log_dirs(log_dir, &context.config)?;
        Ok(Self { context, log_dirs, patterns })
    }

    /// Reads the config again. Gives the keys that differ and need a restart. Fails without changing anything.
    #[cfg(feature = "sidecar")]
    pub fn read_again(&mut self, global: &GlobalArgs) -> Result<Vec<String>> {
        let new = Context::new(global, None, self.context.around.clone())?;
        let restart = self.context.config.needing_restart(&new.config);
        self.context = new;
        Ok(restart)
    }
}

/// The directories typed, else those of the config.
pub fn log_dirs(typed: Vec<PathBuf>, config: &Config) -> Result<Vec<PathBuf>> {
    let dirs: Vec<PathBuf> = match typed.is_empty() {
        true => config.offload.log_dirs.value.0.iter().map(|dir| dir.0.clone()).collect(),
        false => typed,
    };
    if dirs.is_empty() {
        let what = "no log directory was named, neither by --log-dir nor by offload.log_dirs in the config";
        return Err(Failure::new(&codes::USAGE, what).into());
    }
    Ok(dirs)
}
