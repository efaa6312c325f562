//! The words that stand for values of a fixed set. They are part of the contract: docs/cli.md lists them, scripts compare
//! them, and none is ever made from the name of something in the code.

use firnline_index::manifest::{DeadReason, EntryKind, GapReason, ManifestKind};
use firnline_index::segment::SectionKind;
use firnline_index::transactions::Outcome;
use firnline_logdir::TornReason;

/// A value that has a word.
pub trait Word {
    /// Lower case, with underscores.
    fn word(&self) -> &'static str;
}

impl Word for SectionKind {
    fn word(&self) -> &'static str {
        match self {
            Self::BlockIndex => "block_index",
            Self::Transactions => "transactions",
            Self::OffsetIndex => "offset_index",
            Self::TimeIndex => "time_index",
            Self::TransactionIndex => "transaction_index",
            Self::ProducerSnapshot => "producer_snapshot",
            Self::LeaderEpochs => "leader_epochs",
            Self::Footer => "footer",
            Self::Other(_) => "other",
        }
    }
}

impl Word for EntryKind {
    fn word(&self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::TailPiece => "tail_piece",
        }
    }
}

impl Word for ManifestKind {
    fn word(&self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::Kip405 => "kip405",
        }
    }
}

impl Word for GapReason {
    fn word(&self) -> &'static str {
        match self {
            Self::LocalRetention => "local_retention",
            Self::Reserve => "reserve",
            Self::Damage => "damage",
            Self::Operator => "operator",
        }
    }
}

impl Word for DeadReason {
    fn word(&self) -> &'static str {
        match self {
            Self::Truncation => "truncation",
            Self::NeverCommitted => "never_committed",
            Self::Operator => "operator",
        }
    }
}

impl Word for Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Committed => "commit",
            Self::Aborted => "abort",
        }
    }
}

impl Word for TornReason {
    fn word(&self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Crc => "crc",
        }
    }
}
