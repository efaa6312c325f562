//! Which requests meet which faults.

use crate::counts::RequestKind;
use crate::env::{RandomExt, SeededRandom};
use std::time::Duration;

/// What a request meets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SimFault {
    /// 500, nothing applied.
    ServerError,
    /// 503, nothing applied.
    Overloaded,
    /// 429 with a wish for a pause, nothing applied.
    Throttled(Duration),
    /// 409: somebody else's write is under way, nothing applied.
    Busy,
    /// Applied, and the answer is lost.
    LostAfter,
    /// Lost on the way there: not applied.
    LostBefore,
    /// The request could not be sent at all.
    Unreachable,
    /// Never answered: the attempt runs into its time-out. Not applied.
    Hang,
    /// A read gives its bytes without the last one, and says nothing of it.
    TruncatedBody,
    /// A read gives its bytes with one bit flipped.
    FlippedBit,
    /// A range read gives as many bytes from one position further on, where there are any.
    ShiftedRange,
    /// A create overwrites, an update does not look at the version.
    IgnoredCondition,
    /// 403.
    Denied,
    /// 401.
    Unauthenticated,
    /// No space left.
    Full,
    /// A listing does not know of the last so many creates and deletes.
    StaleListing(usize),
    /// It takes this much longer, and is answered.
    Slow(Duration),
    /// Not answered, and a write is applied so much later, whoever has written meanwhile: [`super::Simulation::settle_late`].
    /// A read is lost.
    Late(Duration),
    /// The process dies with the request sent and applied: this connection answers nothing ever again. Drop its futures.
    DieAfter,
    /// The process dies before the request is sent.
    DieBefore,
}

impl SimFault {
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::ServerError => "server-error",
            Self::Overloaded => "overloaded",
            Self::Throttled(_) => "throttled",
            Self::Busy => "busy",
            Self::LostAfter => "lost-after",
            Self::LostBefore => "lost-before",
            Self::Unreachable => "unreachable",
            Self::Hang => "hang",
            Self::TruncatedBody => "truncated-body",
            Self::FlippedBit => "flipped-bit",
            Self::ShiftedRange => "shifted-range",
            Self::IgnoredCondition => "ignored-condition",
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Full => "full",
            Self::StaleListing(_) => "stale-listing",
            Self::Slow(_) => "slow",
            Self::Late(_) => "late",
            Self::DieAfter => "die-after",
            Self::DieBefore => "die-before",
        }
    }
}

/// Which of the requests that fit a rule meet its fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All.
    Always,
    /// Each with this chance in a thousand.
    PerMille(u64),
    /// Only the one with this number among those that fit, counted from 0.
    Nth(u64),
    /// The first so many.
    First(u64),
}

/// A fault for some requests.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: SimFault,
    when: When,
    operations: Vec<RequestKind>,
    key_contains: String,
}

impl Rule {
    /// A fault for every request, until narrowed.
    #[must_use]
    pub fn new(fault: SimFault, when: When) -> Self {
        Self { fault, when, operations: Vec::new(), key_contains: String::new() }
    }

    /// Only for requests of these kinds.
    #[must_use]
    pub fn on(mut self, operations: &[RequestKind]) -> Self {
        self.operations = operations.to_vec();
        self
    }

    /// Only for keys (prefixes, for listings) with this text in them.
    #[must_use]
    pub fn key_contains(mut self, text: &str) -> Self {
        text.clone_into(&mut self.key_contains);
        self
    }

    pub(super) fn begin(self) -> RunningRule {
        RunningRule { rule: self, seen: 0 }
    }
}

/// A rule with the number of requests that fitted it so far.
#[derive(Debug)]
pub(super) struct RunningRule {
    rule: Rule,
    seen: u64,
}

impl RunningRule {
    /// The fault if it is this request's turn. Counts the request and draws at most once.
    pub(super) fn decide(&mut self, kind: RequestKind, key: &str, random: &SeededRandom) -> Option<SimFault> {
        let Rule { fault, when, operations, key_contains } = &self.rule;
        let fits =
            (operations.is_empty() || operations.contains(&kind)) && key.contains(key_contains.as_str());
        if !fits {
            return None;
        }
        let number = self.seen;
        self.seen += 1;
        let turn = match *when {
            When::Always => true,
            When::PerMille(chance) => random.below(1000) < chance,
            When::Nth(nth) => number == nth,
            When::First(count) => number < count,
        };
        turn.then(|| fault.clone())
    }
}
