//! Why bytes are no message, and why a message makes no bytes.

use super::Api;

/// Bytes that are not the message they should be. Holds no text of its own: a refusal allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It ends too early.
    #[error("the message ends at byte {at}, in the middle")]
    Short {
        /// Where more was expected.
        at: usize,
    },
    /// It goes on behind its end.
    #[error("{bytes} bytes are left over behind byte {at}")]
    LeftOver {
        /// Where it should have ended.
        at: usize,
        /// How many follow.
        bytes: usize,
    },
    /// A count that its bytes cannot hold.
    #[error("{claimed} elements are claimed at byte {at}, where {bytes} bytes remain")]
    Count {
        /// Where the elements would begin.
        at: usize,
        /// The count claimed.
        claimed: u32,
        /// The bytes that remain.
        bytes: usize,
    },
    /// A length below that of an absent value.
    #[error("a length of {length} stands before byte {at}")]
    Length {
        /// Where the value would begin.
        at: usize,
        /// The length claimed.
        length: i32,
    },
    /// A number of more than 32 bits.
    #[error("the number before byte {at} is longer than 32 bits")]
    Varint {
        /// Where it was given up.
        at: usize,
    },
    /// A text that is no UTF-8.
    #[error("the text before byte {at} is not UTF-8")]
    Text {
        /// Where it ends.
        at: usize,
    },
    /// A value is absent that must be there in this version.
    #[error("a value is absent before byte {at} that version {version} must have")]
    Null {
        /// Where it would begin.
        at: usize,
        /// The message's version.
        version: i16,
    },
    /// Tagged fields that do not ascend.
    #[error("tagged field {tag} stands behind a higher one, before byte {at}")]
    TagOrder {
        /// The tag.
        tag: u32,
        /// Where its number ends.
        at: usize,
    },
    /// A patch on something that was not read just here.
    #[error("byte {at} cannot be patched: the value was not read from this entry")]
    Place {
        /// Where the patch would begin.
        at: usize,
    },
    /// A version of which no table is here.
    #[error("version {version} of {api} is not one that is read")]
    Version {
        /// The request.
        api: Api,
        /// Its version.
        version: i16,
    },
    /// Another request than the one expected.
    #[error("the request is {found}, not {expected}")]
    Kind {
        /// What was expected.
        expected: Api,
        /// What it is.
        found: Api,
    },
}

/// A message that cannot be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Something longer than its length can say.
    #[error("{bytes} bytes or elements are more than a length in the message can say")]
    Length {
        /// How many there are.
        bytes: usize,
    },
    /// A value is absent that must be there in this version.
    #[error("{field} is absent, which version {version} cannot say")]
    Null {
        /// The field.
        field: &'static str,
        /// The version.
        version: i16,
    },
    /// A version of which no table is here.
    #[error("version {version} of {api} is not one that is written")]
    Version {
        /// The request.
        api: Api,
        /// The version.
        version: i16,
    },
    /// A patch or a splice on something that was not read from that frame.
    #[error("byte {at} cannot be patched: the value was not read from this frame")]
    Place {
        /// Where the patch would begin.
        at: usize,
    },
}
