//! Kafka's error codes, as far as they are answered here.

/// Why an answer, or a part of it, has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum KafkaError {
    /// The log has no such offset, truly: it lies beyond the end, in a recorded gap, or below what is kept.
    OffsetOutOfRange = 1,
    /// No topic of this name, or no such partition of it.
    UnknownTopicOrPartition = 3,
    /// What a version before [`Self::KafkaStorageError`] says in its place; clients ask again.
    NotLeaderOrFollower = 6,
    /// There was no answer in time; clients ask again.
    RequestTimedOut = 7,
    /// What was put beside a position is too long.
    OffsetMetadataTooLarge = 12,
    /// The group cannot be had now; clients look for its coordinator again.
    CoordinatorNotAvailable = 15,
    /// The group belongs to another server; clients look for it.
    NotCoordinator = 16,
    /// A text that is no topic's name.
    InvalidTopic = 17,
    /// The member speaks of another generation than the one that is.
    IllegalGeneration = 22,
    /// The member divides the work in no way that all others know.
    InconsistentGroupProtocol = 23,
    /// A text that is no group's name.
    InvalidGroupId = 24,
    /// Nobody of this name is in the group; clients enter anew.
    UnknownMemberId = 25,
    /// A session shorter or longer than any that is kept.
    InvalidSessionTimeout = 26,
    /// The group is changing; clients enter again.
    RebalanceInProgress = 27,
    /// The group has no room for more positions.
    InvalidCommitOffsetSize = 28,
    /// The topic is not this principal's to read, or to write; unknown topics look the same.
    TopicAuthorizationFailed = 29,
    /// The group is not this principal's, or nothing may be written about it.
    GroupAuthorizationFailed = 30,
    /// Not here: nothing is written, and no replica is fed.
    ClusterAuthorizationFailed = 31,
    /// The way to log in is none that is offered.
    UnsupportedSaslMechanism = 33,
    /// A part of a login came where none was to come.
    IllegalSaslState = 34,
    /// The request or its version is not one that is answered.
    UnsupportedVersion = 35,
    /// The request contradicts itself.
    InvalidRequest = 42,
    /// Nothing is written in transactions.
    TransactionalIdAuthorizationFailed = 53,
    /// The bytes are known and cannot be had now; clients ask again.
    KafkaStorageError = 56,
    /// Who asks has not proved who he is.
    SaslAuthenticationFailed = 58,
    /// There are members in the group.
    NonEmptyGroup = 68,
    /// No such group is known.
    GroupIdNotFound = 69,
    /// The session is not, or no longer, known; clients begin another one.
    FetchSessionIdNotFound = 70,
    /// The session has gone on without this client; it begins another one.
    InvalidFetchSessionEpoch = 71,
    /// The records are packed with a codec that came after this version of Fetch.
    UnsupportedCompressionType = 76,
    /// The member is to come back with the name that it is given.
    MemberIdRequired = 79,
    /// The group is full.
    GroupMaxSizeReached = 81,
    /// Another run of the member has taken its place.
    FencedInstanceId = 82,
    /// Somebody in the group reads the topic, for all that is known.
    GroupSubscribedToTopic = 86,
    /// No topic has this id, or not for this principal.
    UnknownTopicId = 100,
    /// The session speaks of topics by name, the request by id, or the other way round.
    FetchSessionTopicIdError = 106,
    /// There are no controllers to speak of.
    MismatchedEndpointType = 114,
}

impl KafkaError {
    /// Kafka's number of it.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }
}

/// Kafka's number of a result: 0 for none of the errors.
pub(crate) fn code_of(error: Option<KafkaError>) -> i16 {
    error.map_or(0, KafkaError::code)
}
