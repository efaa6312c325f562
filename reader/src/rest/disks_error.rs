//! Why log directories are not served.

use std::path::PathBuf;

use firnline_logdir::{IoProblem, LogDirError};

/// A log directory that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum DisksError {
    /// It is none, or another cluster's.
    #[error(transparent)]
    LogDir(#[from] LogDirError),
    /// A broker is at work there.
    #[error(
        "a broker{} holds {path:?}: its files change and are truncated; stop it, or read from it",
        pid.map_or(String::new(), |pid| format!(" (process {pid})"))
    )]
    Broker {
        /// The directory.
        path: PathBuf,
        /// The broker's process, where it can be told.
        pid: Option<i32>,
    },
    /// It cannot be told whether a broker is at work there.
    #[error("whether a broker holds {path:?} cannot be told")]
    Untold {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: IoProblem,
    },
    /// The directories name no cluster, and there is no tier that would.
    #[error("none of the log directories names its cluster, and no tier is given")]
    NoCluster,
}
