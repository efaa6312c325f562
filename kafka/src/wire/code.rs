//! Kafka's error codes, under Kafka's names.

use std::fmt;

use kafka_protocol::error::ResponseError;

/// An error code that a broker answered; never 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(i16);

impl Code {
    /// The topic or partition is not hosted there (or, by name, not to be seen).
    pub const UNKNOWN_TOPIC_OR_PARTITION: Self = Self(3);
    /// It does not lead the partition.
    pub const NOT_LEADER_OR_FOLLOWER: Self = Self(6);
    /// The coordinator reads in what it knows of the group.
    pub const COORDINATOR_LOAD_IN_PROGRESS: Self = Self(14);
    /// No broker coordinates the group right now.
    pub const COORDINATOR_NOT_AVAILABLE: Self = Self(15);
    /// It does not coordinate the group.
    pub const NOT_COORDINATOR: Self = Self(16);
    /// The group is in another generation.
    pub const ILLEGAL_GENERATION: Self = Self(22);
    /// The group does not know the member.
    pub const UNKNOWN_MEMBER_ID: Self = Self(25);
    /// Another generation begins.
    pub const REBALANCE_IN_PROGRESS: Self = Self(27);
    /// A right on the topic is missing.
    pub const TOPIC_AUTHORIZATION_FAILED: Self = Self(29);
    /// A right on the group is missing.
    pub const GROUP_AUTHORIZATION_FAILED: Self = Self(30);
    /// A right on the cluster is missing.
    pub const CLUSTER_AUTHORIZATION_FAILED: Self = Self(31);
    /// The broker does not offer this login.
    pub const UNSUPPORTED_SASL_MECHANISM: Self = Self(33);
    /// The broker does not speak this version.
    pub const UNSUPPORTED_VERSION: Self = Self(35);
    /// There is no authorizer, so there are no rules.
    pub const SECURITY_DISABLED: Self = Self(54);
    /// The login was refused.
    pub const SASL_AUTHENTICATION_FAILED: Self = Self(58);
    /// The group is not there.
    pub const GROUP_ID_NOT_FOUND: Self = Self(69);
    /// The epoch asked under is older than the leader's.
    pub const FENCED_LEADER_EPOCH: Self = Self(74);
    /// The epoch asked under is newer than the leader's.
    pub const UNKNOWN_LEADER_EPOCH: Self = Self(75);
    /// A member is to join again under the name that it was given.
    pub const MEMBER_ID_REQUIRED: Self = Self(79);
    /// Another member has this one's fixed name.
    pub const FENCED_INSTANCE_ID: Self = Self(82);
    /// No topic has this id.
    pub const UNKNOWN_TOPIC_ID: Self = Self(100);

    /// Reads a code; `None` is success.
    #[must_use]
    pub const fn of(code: i16) -> Option<Self> {
        if code == 0 { None } else { Some(Self(code)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i16 {
        self.0
    }

    /// Whether the broker answered that it does not lead the partition under the epoch asked.
    #[must_use]
    pub const fn is_fenced(self) -> bool {
        matches!(self, Self::NOT_LEADER_OR_FOLLOWER | Self::FENCED_LEADER_EPOCH | Self::UNKNOWN_LEADER_EPOCH)
    }

    /// Whether a right is missing.
    #[must_use]
    pub const fn is_denied(self) -> bool {
        matches!(
            self,
            Self::TOPIC_AUTHORIZATION_FAILED
                | Self::GROUP_AUTHORIZATION_FAILED
                | Self::CLUSTER_AUTHORIZATION_FAILED
        )
    }

    /// Whether Kafka says that asking again may help.
    #[must_use]
    pub fn is_retriable(self) -> bool {
        ResponseError::try_from_code(self.0).is_some_and(|error| error.is_retriable())
    }
}

impl fmt::Display for Code {
    /// `NOT_LEADER_OR_FOLLOWER (6)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ResponseError::try_from_code(self.0) {
            None | Some(ResponseError::Unknown(_)) => write!(f, "error code {}", self.0),
            Some(known) => {
                // The crate names its variants as Kafka names its constants, in the other case.
                for (at, letter) in format!("{known:?}").chars().enumerate() {
                    if at > 0 && letter.is_ascii_uppercase() {
                        f.write_str("_")?;
                    }
                    write!(f, "{}", letter.to_ascii_uppercase())?;
                }
                write!(f, " ({})", self.0)
            }
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
