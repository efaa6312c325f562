//! An operator's word: what would be done is shown first, and done only where it is meant.

use firnline_tier::retention::Share;

use crate::args::WordArgs;
use crate::failure::{Failure, codes};

/// Whether to go on, once what would be done was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It is meant.
    Yes,
    /// It was only to be shown.
    DryRun,
    /// Nobody has said so.
    Missing,
}

impl Word {
    /// The word given.
    pub fn of(args: &WordArgs) -> Self {
        match (args.yes, args.dry_run) {
            (true, _) => Self::Yes,
            (false, true) => Self::DryRun,
            (false, false) => Self::Missing,
        }
    }

    /// As a word of JSON.
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Yes => "done",
            Self::DryRun => "dry_run",
            Self::Missing => "refused",
        }
    }
}

/// The refusal of what nobody has confirmed.
pub fn unconfirmed(what: &str) -> Failure {
    Failure::new(&codes::UNCONFIRMED, format!("{what}, and --yes was not given"))
}

/// The refusal of what takes more than it may.
pub fn too_much(what: &str, share: Share, allowed: Share) -> Failure {
    let what = format!("{what} would take {share} of the bytes, and {allowed} may go at once");
    Failure::new(&codes::SHARE, what)
}

/// A share typed in percent.
pub fn percent(typed: u16) -> Share {
    Share::per_mille(typed.saturating_mul(10))
}
