//! The words that stand for values of a fixed set. They are part of the contract: docs/cli.md lists them, scripts compare
//! them, and none is ever made from the name of something in the code.

use firnline_index::manifest::{DeadReason, EntryKind, GapReason, ManifestKind};
use firnline_index::segment::SectionKind;
use firnline_index::transactions::Outcome;
use firnline_logdir::{NotLogReason, TornReason};

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

impl Word for NotLogReason {
    fn word(&self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Stray => "stray",
            Self::Future => "future",
            Self::RemoteIndexCache => "remote_index_cache",
            Self::ClusterMetadata => "cluster_metadata",
            Self::Foreign => "foreign",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::listed_words;

    #[track_caller]
    fn listed(field: &str, of: &str, all: &[&dyn Word]) {
        let words: Vec<&str> = all.iter().map(|value| value.word()).collect();
        let listed = listed_words(field, of);
        let listed: Vec<&str> = listed.iter().map(String::as_str).filter(|word| *word != "number").collect();
        assert_eq!(words, listed, "{field} of {of}");
        for word in words {
            assert!(
                word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{word}"
            );
        }
    }

    #[test]
    fn every_word_is_listed_and_no_other() {
        listed("`manifest_kind`", "manifest", &[&ManifestKind::Sidecar, &ManifestKind::Kip405]);
        use GapReason as G;
        let gaps: [&dyn Word; 4] = [&G::LocalRetention, &G::Reserve, &G::Damage, &G::Operator];
        listed("`reason` in `gaps`", "manifest", &gaps);
        use DeadReason as D;
        listed(
            "`reason` in `dead_branches`",
            "manifest",
            &[&D::Truncation, &D::NeverCommitted, &D::Operator],
        );
        listed("`entry_kind`", "segment", &[&EntryKind::Segment, &EntryKind::TailPiece]);
        use SectionKind as S;
        let sections: [&dyn Word; 9] = [
            &S::BlockIndex,
            &S::Transactions,
            &S::OffsetIndex,
            &S::TimeIndex,
            &S::TransactionIndex,
            &S::ProducerSnapshot,
            &S::LeaderEpochs,
            &S::Footer,
            &S::Other(99),
        ];
        listed("`section` in `sections`", "segment", &sections);
        listed("`outcome` in `first_markers`", "segment", &[&Outcome::Committed, &Outcome::Aborted]);
        listed("`end_reason`", "log_file", &[&TornReason::Incomplete, &TornReason::Crc]);
        use NotLogReason as N;
        let not_logs: [&dyn Word; 6] =
            [&N::Deleted, &N::Stray, &N::Future, &N::RemoteIndexCache, &N::ClusterMetadata, &N::Foreign];
        listed("`why`", "not_log", &not_logs);
    }
}
