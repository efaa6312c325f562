//! Topic keys: made once, wrapped by a ring that the bucket never sees, found by the topic's id and a number.
//!
//! ```text
//! upload   newest key of the topic (made where there is none) ─► sealed with it, or nothing is uploaded
//! read     key id of the trailer ─► keys/<id> ─► unwrapped by the ring ─► opened, or refused with the reason
//! rewrap   each keys/<id> ─► unwrapped, wrapped by the active ring key ─► conditional put
//! ```
//!
//! Unwrapped keys stay in this process's memory, wiped at its end; a key object is never removed.

mod command;
mod error;
mod held;
mod make;
mod rewrap;
mod ring;

pub use command::CommandRing;
pub use error::{KeyError, KeyProblem, RingError};
pub use held::TopicKeys;
pub use rewrap::{MAX_KEYS, RewrapError, RewrapReport, Rewrapped};
pub use ring::{FileRing, FileRingError, KeyRing, Wrapping};

/// Whether a topic's segments are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// Nobody says: what goes on from sealed segments is sealed, and so is all of a topic of which a segment ever was, so
    /// that a setting that got lost writes nothing in the clear.
    #[default]
    Unsaid,
    /// Yes.
    On,
    /// No, whatever was before.
    Off,
}

impl Encryption {
    /// What holds for a segment behind others, of which the newest is sealed or not.
    #[must_use]
    pub fn behind(self, sealed: bool) -> Self {
        match self {
            Self::Unsaid if sealed => Self::On,
            said => said,
        }
    }
}
