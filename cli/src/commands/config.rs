//! `firnline config`

use std::path::PathBuf;

use crate::args::{ConfigCommand, GlobalArgs};
use crate::config::{Config, Scope, load, show};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes};
use crate::output::Out;
use crate::surroundings::Surroundings;
use crate::wiring;

/// Runs `config check` or `config show`.
pub fn run(
    command: &ConfigCommand,
    global: &GlobalArgs,
    around: &Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let path = path(global, around);
    let config = effective(global, around)?;
    match command {
        ConfigCommand::Check => {
            check(&config, around)?;
            let what = path.map_or_else(|| "no config file".to_owned(), |path| path.display().to_string());
            out.line(format!("{what}: fine"))?;
        }
        ConfigCommand::Show { effective: true } => out.text(&show(&config, Scope::Effective))?,
        ConfigCommand::Show { effective: false } => out.text(&show(&config, Scope::Said))?,
    }
    Ok(Exit::Fine)
}

/// The config file that is named, if one is.
pub fn path(global: &GlobalArgs, around: &Surroundings) -> Option<PathBuf> {
    let named = around.var("FIRNLINE_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    global.config.clone().or(named)
}

/// The config in force: file, environment, command line.
pub fn effective(global: &GlobalArgs, around: &Surroundings) -> Result<Config> {
    let mut config = load(path(global, around).as_deref(), around)?;
    if let Some(store) = &global.store {
        config.store.url = wiring::tier_address(store)?;
    }
    Ok(config)
}

/// Tries what a config names: secrets and files. All that fails is listed.
fn check(config: &Config, around: &Surroundings) -> Result<()> {
    let problems = wiring::unreadable(config, around);
    if problems.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::new(&codes::SECRET, "the config names files or secrets that cannot be read");
    failure.notes = problems;
    Err(failure.into())
}
