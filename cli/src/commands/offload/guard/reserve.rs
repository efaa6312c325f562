//! The reserve of free disk space, while no worker keeps it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use firnline_logdir::{Kept, Reserve, RootListing, SidecarLock, SidecarLockError};

use crate::config::Config;
use crate::wiring;

/// A worker that lived this long has begun its work: it holds pins, or would.
pub const SETTLED: Duration = Duration::from_secs(30);

/// Lets pins give way below the reserve.
#[derive(Debug)]
pub struct Keeper {
    dirs: Vec<PathBuf>,
    reserve: wiring::ReserveSize,
    /// Whether the last look found too little and nothing left to give: said once, not every second.
    short: bool,
}

impl Keeper {
    /// Keeps the reserve that the config names on the disks of these log directories.
    pub fn new(dirs: Vec<PathBuf>, config: &Config) -> Self {
        Self { dirs, reserve: wiring::reserve(config), short: false }
    }

    /// Takes the reserve of a config that was read again.
    pub fn reload(&mut self, config: &Config) {
        self.reserve = wiring::reserve(config);
    }

    /// Whether anything is pinned here, as far as can be seen.
    pub fn holds_pins(&self) -> bool {
        self.dirs.iter().any(|dir| RootListing::read(dir).is_ok_and(|listing| !listing.pins.is_empty()))
    }

    /// Whether a sidecar that is not ours works here. To be asked while our worker is dead.
    pub fn others_work(&self) -> bool {
        let held = |dir: &PathBuf| matches!(SidecarLock::take(dir), Err(SidecarLockError::Held { .. }));
        self.dirs.iter().any(held)
    }

    /// Looks once at each disk, and lets pins give way where there is too little. A disk that hangs keeps a thread, never
    /// the guard: it must hear that it is to end.
    pub async fn keep(&mut self) {
        let (dirs, reserve) = (self.dirs.clone(), self.reserve);
        let kept = tokio::task::spawn_blocking(move || {
            let totals = dirs.iter().filter_map(|dir| total(dir)).min();
            let bytes = totals.map_or(0, |smallest| reserve.of(smallest));
            // Each of them is to be looked at, also where the first is short.
            dirs.iter().filter(|dir| keep(dir, bytes)).count() > 0
        });
        let Ok(short) = kept.await else { return };
        if short && !self.short {
            tracing::error!(
                code = crate::failure::codes::PRESSURE.id,
                "a disk is below its reserve, and no pin is left that could give way: what fills it is not ours"
            );
        }
        self.short = short;
    }
}

/// The size of a disk, if it can be told.
fn total(dir: &Path) -> Option<u64> {
    match Reserve::new(dir, 0).and_then(|reserve| reserve.space()) {
        Ok(space) => Some(space.total),
        Err(error) => {
            tracing::error!(?dir, %error, "the free space cannot be looked at");
            None
        }
    }
}

/// Keeps the reserve on the disk of one log directory. Whether it stays short.
fn keep(dir: &Path, bytes: u64) -> bool {
    let kept = Reserve::new(dir, bytes).map_err(firnline_logdir::JournalError::from);
    match kept.and_then(|reserve| reserve.keep()) {
        Ok(Kept { gave_way, short, .. }) => {
            for pin in gave_way {
                tracing::error!(
                    code = crate::failure::codes::GAVE_WAY.id,
                    ?dir,
                    topic_id = %pin.topic_id,
                    partition = %pin.partition,
                    range = %pin.range,
                    bytes = pin.bytes,
                    "a pin gave way to the reserve before the tier had its bytes"
                );
            }
            short
        }
        Err(error) => {
            tracing::error!(?dir, %error, "the reserve could not be kept");
            false
        }
    }
}
