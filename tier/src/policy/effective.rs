//! The retention that holds, from what the bucket says and what a config file wishes: a pure function.

use std::fmt;

use crate::retention::Limits;

/// What a config file says of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// Nothing.
    #[default]
    Silent,
    /// No limit.
    Unlimited,
    /// This limit.
    Limit(u64),
}

/// What a config file says of a topic's retention in the tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// Age in milliseconds.
    pub ms: Wish,
    /// Bytes of a partition.
    pub bytes: Wish,
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// By age.
    Ms,
    /// By size.
    Bytes,
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ms => "retention.ms",
            Self::Bytes => "retention.bytes",
        })
    }
}

/// A wish that was not granted, or one that keeps more than the bucket asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFinding {
    /// The file would delete where the bucket says to keep everything.
    #[error(
        "{limit} = {wanted} in the config file is not in force: the bucket has no such limit; set it with `firnline policy set`"
    )]
    NotEnabled {
        /// Which limit.
        limit: LimitKind,
        /// What the file says.
        wanted: u64,
    },
    /// The file would delete more than the bucket says.
    #[error(
        "{limit} = {wanted} in the config file is not in force: the bucket says {bucket}, and a file may only lengthen it; set it with `firnline policy set`"
    )]
    NotShortened {
        /// Which limit.
        limit: LimitKind,
        /// What the file says.
        wanted: u64,
        /// What the bucket says, which holds.
        bucket: u64,
    },
    /// This node keeps more than the bucket says.
    #[error("{limit} is lengthened on this node by its config file: {} instead of {bucket}", .wanted.map_or_else(|| "no limit".to_owned(), |w| w.to_string()))]
    Lengthened {
        /// Which limit.
        limit: LimitKind,
        /// What the file says; `None` for no limit.
        wanted: Option<u64>,
        /// What the bucket says.
        bucket: u64,
    },
}

/// What holds, and what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The limits; none keeps everything.
    pub limits: Limits,
    /// What the config file wished in vain, or lengthened.
    pub findings: Vec<PolicyFinding>,
}

/// The retention in force on this node: for each limit the longer of what the bucket says and what the file wishes.
/// Where the bucket has no limit, none holds.
#[must_use]
pub fn effective(bucket: Limits, wishes: Wishes) -> Effective {
    let mut findings = Vec::new();
    let mut one = |limit, bucket: Option<u64>, wish| {
        let (holds, finding) = longer(limit, bucket, wish);
        findings.extend(finding);
        holds
    };
    let ms = one(LimitKind::Ms, bucket.ms, wishes.ms);
    let bytes = one(LimitKind::Bytes, bucket.bytes, wishes.bytes);
    Effective { limits: Limits { ms, bytes }, findings }
}

fn longer(limit: LimitKind, bucket: Option<u64>, wish: Wish) -> (Option<u64>, Option<PolicyFinding>) {
    match (bucket, wish) {
        (None, Wish::Limit(wanted)) => (None, Some(PolicyFinding::NotEnabled { limit, wanted })),
        (None, Wish::Silent | Wish::Unlimited) => (None, None),
        (Some(bucket), Wish::Silent) => (Some(bucket), None),
        (Some(bucket), Wish::Unlimited) => {
            (None, Some(PolicyFinding::Lengthened { limit, wanted: None, bucket }))
        }
        (Some(bucket), Wish::Limit(wanted)) if wanted < bucket => {
            (Some(bucket), Some(PolicyFinding::NotShortened { limit, wanted, bucket }))
        }
        (Some(bucket), Wish::Limit(wanted)) if wanted > bucket => {
            let finding = PolicyFinding::Lengthened { limit, wanted: Some(wanted), bucket };
            (Some(wanted), Some(finding))
        }
        (Some(bucket), Wish::Limit(_)) => (Some(bucket), None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(ms: Option<u64>, wish: Wish) -> (Option<u64>, Vec<PolicyFinding>) {
        let Effective { limits, findings } =
            effective(Limits { ms, bytes: None }, Wishes { ms: wish, bytes: Wish::Silent });
        (limits.ms, findings)
    }

    #[test]
    fn a_file_may_lengthen_and_nothing_else() {
        let limit = LimitKind::Ms;
        assert_eq!(of(None, Wish::Silent), (None, vec![]));
        assert_eq!(of(None, Wish::Unlimited), (None, vec![]));
        assert_eq!(of(None, Wish::Limit(1)), (None, vec![PolicyFinding::NotEnabled { limit, wanted: 1 }]));
        assert_eq!(of(Some(5), Wish::Silent), (Some(5), vec![]));
        assert_eq!(of(Some(5), Wish::Limit(5)), (Some(5), vec![]));
        let shortened = PolicyFinding::NotShortened { limit, wanted: 4, bucket: 5 };
        assert_eq!(of(Some(5), Wish::Limit(4)), (Some(5), vec![shortened]));
        assert_eq!(of(Some(5), Wish::Limit(6)).0, Some(6));
        assert_eq!(of(Some(5), Wish::Unlimited).0, None);
        assert!(shortened.to_string().contains("retention.ms = 4"), "{shortened}");
    }

    fn any_wish() -> impl Strategy<Value = Wish> {
        prop_oneof![Just(Wish::Silent), Just(Wish::Unlimited), any::<u64>().prop_map(Wish::Limit)]
    }

    proptest! {
        #[test]
        fn what_holds_never_deletes_more_than_the_bucket_says(
            ms in proptest::option::of(any::<u64>()),
            bytes in proptest::option::of(any::<u64>()),
            wish_ms in any_wish(),
            wish_bytes in any_wish(),
        ) {
            let bucket = Limits { ms, bytes };
            let holds = effective(bucket, Wishes { ms: wish_ms, bytes: wish_bytes }).limits;
            let keeps_at_least = |holds: Option<u64>, bucket: Option<u64>| match (holds, bucket) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(holds), Some(bucket)) => holds >= bucket,
            };
            prop_assert!(keeps_at_least(holds.ms, bucket.ms) && keeps_at_least(holds.bytes, bucket.bytes));
        }
    }
}
