//! The requests that are made, each at one version.
//!
//! One version each, the highest that brokers from 3.3 to 4.4 all speak: no branch by version, and what is tested against
//! one broker holds for all. A broker that does not speak it is refused with both ranges in the message.

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// What a broker speaks.
    ApiVersions,
    /// Which login is to come.
    SaslHandshake,
    /// A step of a login.
    SaslAuthenticate,
    /// Topics, partitions, leaders.
    Metadata,
    /// The cluster's id and brokers.
    DescribeCluster,
    /// High watermarks, log starts, last stable offsets.
    ListOffsets,
    /// Where leader epochs end.
    OffsetForLeaderEpoch,
    /// Topic settings.
    DescribeConfigs,
    /// Producers with an open transaction.
    DescribeProducers,
    /// The groups that a broker coordinates.
    ListGroups,
    /// A group's committed offsets.
    OffsetFetch,
    /// Access rules.
    DescribeAcls,
    /// Batches of the brokers' own topic about remote segments.
    Fetch,
    /// Values for that topic.
    Produce,
    /// Who coordinates a group.
    FindCoordinator,
    /// A member asks to be in a group's next generation.
    JoinGroup,
    /// Who in a group does what.
    SyncGroup,
    /// A member is there still.
    Heartbeat,
    /// A member goes.
    LeaveGroup,
}

impl Api {
    /// All kinds.
    pub const ALL: [Self; 19] = [
        Self::ApiVersions,
        Self::SaslHandshake,
        Self::SaslAuthenticate,
        Self::Metadata,
        Self::DescribeCluster,
        Self::ListOffsets,
        Self::OffsetForLeaderEpoch,
        Self::DescribeConfigs,
        Self::DescribeProducers,
        Self::ListGroups,
        Self::OffsetFetch,
        Self::DescribeAcls,
        Self::Fetch,
        Self::Produce,
        Self::FindCoordinator,
        Self::JoinGroup,
        Self::SyncGroup,
        Self::Heartbeat,
        Self::LeaveGroup,
    ];

    /// Kafka's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiVersions => "ApiVersions",
            Self::SaslHandshake => "SaslHandshake",
            Self::SaslAuthenticate => "SaslAuthenticate",
            Self::Metadata => "Metadata",
            Self::DescribeCluster => "DescribeCluster",
            Self::ListOffsets => "ListOffsets",
            Self::OffsetForLeaderEpoch => "OffsetForLeaderEpoch",
            Self::DescribeConfigs => "DescribeConfigs",
            Self::DescribeProducers => "DescribeProducers",
            Self::ListGroups => "ListGroups",
            Self::OffsetFetch => "OffsetFetch",
            Self::DescribeAcls => "DescribeAcls",
            Self::Fetch => "Fetch",
            Self::Produce => "Produce",
            Self::FindCoordinator => "FindCoordinator",
            Self::JoinGroup => "JoinGroup",
            Self::SyncGroup => "SyncGroup",
            Self::Heartbeat => "Heartbeat",
            Self::LeaveGroup => "LeaveGroup",
        }
    }

    /// The version that is sent.
    #[must_use]
    pub const fn version(self) -> i16 {
        match self {
            Self::ApiVersions | Self::DescribeAcls => 3,
            Self::SaslHandshake => 1,
            Self::SaslAuthenticate => 2,
            Self::Metadata => 12,
            Self::DescribeCluster | Self::DescribeProducers => 0,
            Self::ListOffsets | Self::JoinGroup => 7,
            Self::OffsetForLeaderEpoch
            | Self::DescribeConfigs
            | Self::ListGroups
            | Self::FindCoordinator
            | Self::Heartbeat
            | Self::LeaveGroup => 4,
            Self::SyncGroup => 5,
            Self::OffsetFetch => 8,
            Self::Fetch => 13,
            Self::Produce => 9,
        }
    }

    /// Kafka's number of it.
    #[must_use]
    pub const fn key(self) -> i16 {
        match self {
            Self::Produce => 0,
            Self::Fetch => 1,
            Self::ListOffsets => 2,
            Self::Metadata => 3,
            Self::OffsetFetch => 9,
            Self::FindCoordinator => 10,
            Self::JoinGroup => 11,
            Self::Heartbeat => 12,
            Self::LeaveGroup => 13,
            Self::SyncGroup => 14,
            Self::ListGroups => 16,
            Self::SaslHandshake => 17,
            Self::ApiVersions => 18,
            Self::OffsetForLeaderEpoch => 23,
            Self::DescribeAcls => 29,
            Self::DescribeConfigs => 32,
            Self::SaslAuthenticate => 36,
            Self::DescribeCluster => 60,
            Self::DescribeProducers => 61,
        }
    }

    pub(crate) const fn position(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
