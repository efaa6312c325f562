//! Every request that brokers from 3.0 to 4.4 know, in one table.

use std::fmt;

use super::Form;
use super::schema::Versions;

/// A kind of request, by Kafka's number; also one that is not in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Api(i16);

impl Api {
    /// Records are written.
    pub const PRODUCE: Self = Self(0);
    /// Records are read.
    pub const FETCH: Self = Self(1);
    /// Where a log begins and ends, and where a time is.
    pub const LIST_OFFSETS: Self = Self(2);
    /// Topics, partitions, leaders, brokers.
    pub const METADATA: Self = Self(3);
    /// A broker is going; the only request that had a header without a name.
    pub const CONTROLLED_SHUTDOWN: Self = Self(7);
    /// A group's positions are kept.
    pub const OFFSET_COMMIT: Self = Self(8);
    /// A group's positions are asked for.
    pub const OFFSET_FETCH: Self = Self(9);
    /// Who coordinates a group.
    pub const FIND_COORDINATOR: Self = Self(10);
    /// A member enters a group.
    pub const JOIN_GROUP: Self = Self(11);
    /// A member is there.
    pub const HEARTBEAT: Self = Self(12);
    /// Members leave a group.
    pub const LEAVE_GROUP: Self = Self(13);
    /// A group's partitions are given out.
    pub const SYNC_GROUP: Self = Self(14);
    /// Who is in a group.
    pub const DESCRIBE_GROUPS: Self = Self(15);
    /// Which groups there are.
    pub const LIST_GROUPS: Self = Self(16);
    /// Which login is to come.
    pub const SASL_HANDSHAKE: Self = Self(17);
    /// What a broker speaks.
    pub const API_VERSIONS: Self = Self(18);
    /// A log's beginning is cut off.
    pub const DELETE_RECORDS: Self = Self(21);
    /// A producer asks for its id.
    pub const INIT_PRODUCER_ID: Self = Self(22);
    /// Where a leader epoch ends.
    pub const OFFSET_FOR_LEADER_EPOCH: Self = Self(23);
    /// What is set.
    pub const DESCRIBE_CONFIGS: Self = Self(32);
    /// A step of a login.
    pub const SASL_AUTHENTICATE: Self = Self(36);
    /// Groups are deleted.
    pub const DELETE_GROUPS: Self = Self(42);
    /// A group's positions are deleted.
    pub const OFFSET_DELETE: Self = Self(47);
    /// The cluster's id and brokers.
    pub const DESCRIBE_CLUSTER: Self = Self(60);
    /// A member of a group of the newer protocol.
    pub const CONSUMER_GROUP_HEARTBEAT: Self = Self(68);
    /// Records are read by a share group.
    pub const SHARE_FETCH: Self = Self(78);
    /// Records of a share group are acknowledged.
    pub const SHARE_ACKNOWLEDGE: Self = Self(79);

    /// The request with this number.
    #[must_use]
    pub const fn new(key: i16) -> Self {
        Self(key)
    }

    /// Its number.
    #[must_use]
    pub const fn key(self) -> i16 {
        self.0
    }

    /// What is known of it.
    #[must_use]
    pub fn row(self) -> Option<&'static ApiRow> {
        usize::try_from(self.0).ok().and_then(|key| TABLE.get(key))
    }

    /// The form of its messages of a version. Of an unknown request nothing is known: its old form is as good as any.
    #[must_use]
    pub fn form(self, version: i16) -> Form {
        let from = self.row().and_then(|row| row.flexible_from);
        Form { version, flexible: from.is_some_and(|from| version >= from) }
    }

    /// The version of the header before a request: 0 has no client's name, 2 has tagged fields.
    #[must_use]
    pub fn request_header(self, version: i16) -> i16 {
        match (self, version) {
            (Self::CONTROLLED_SHUTDOWN, 0) => 0,
            _ if self.form(version).flexible => 2,
            _ => 1,
        }
    }

    /// The version of the header before an answer: 1 has tagged fields. Before a client knows what a broker speaks it
    /// must be able to read the answer that says so, hence ApiVersions has none in any version.
    #[must_use]
    pub fn response_header(self, version: i16) -> i16 {
        i16::from(self != Self::API_VERSIONS && self.form(version).flexible)
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some(row) => f.write_str(row.name),
            None => write!(f, "request {}", self.0),
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is known of a request.
#[derive(Debug, Clone, Copy)]
pub struct ApiRow {
    /// Which it is.
    pub api: Api,
    /// Kafka's name of it.
    pub name: &'static str,
    /// The versions that any of those brokers speaks, early ones included.
    pub versions: Versions,
    /// The first version with compact lengths and tagged fields.
    pub flexible_from: Option<i16>,
    /// The versions that [`messages`](super::messages) can read and write, request and answer (of share groups the answer
    /// alone). What is outside passes as it is.
    pub walked: Option<Versions>,
}

const fn row(
    key: i16,
    name: &'static str,
    versions: (i16, i16),
    flexible_from: Option<i16>,
    walked: Option<(i16, i16)>,
) -> ApiRow {
    let walked = match walked {
        Some((min, max)) => Some(Versions::new(min, max)),
        None => None,
    };
    ApiRow { api: Api(key), name, versions: Versions::new(versions.0, versions.1), flexible_from, walked }
}

/// All of them; a request's number is its place. A test holds this against the jars of Kafka's clients.
#[rustfmt::skip]
pub const TABLE: [ApiRow; 95] = [
    row(0, "Produce", (0, 13), Some(9), Some((0, 13))),
    row(1, "Fetch", (0, 18), Some(12), Some((0, 18))),
    row(2, "ListOffsets", (0, 11), Some(6), Some((1, 11))),
    row(3, "Metadata", (0, 13), Some(9), Some((0, 13))),
    row(4, "LeaderAndIsr", (0, 7), Some(4), None),
    row(5, "StopReplica", (0, 4), Some(2), None),
    row(6, "UpdateMetadata", (0, 8), Some(6), None),
    row(7, "ControlledShutdown", (0, 3), Some(3), None),
    row(8, "OffsetCommit", (0, 10), Some(8), Some((2, 10))),
    row(9, "OffsetFetch", (0, 10), Some(6), Some((1, 10))),
    row(10, "FindCoordinator", (0, 6), Some(3), Some((0, 6))),
    row(11, "JoinGroup", (0, 9), Some(6), Some((0, 9))),
    row(12, "Heartbeat", (0, 4), Some(4), Some((0, 4))),
    row(13, "LeaveGroup", (0, 5), Some(4), Some((0, 5))),
    row(14, "SyncGroup", (0, 5), Some(4), Some((0, 5))),
    row(15, "DescribeGroups", (0, 6), Some(5), Some((0, 6))),
    row(16, "ListGroups", (0, 5), Some(3), Some((0, 5))),
    row(17, "SaslHandshake", (0, 1), None, Some((0, 1))),
    row(18, "ApiVersions", (0, 5), Some(3), Some((0, 5))),
    row(19, "CreateTopics", (0, 7), Some(5), None),
    row(20, "DeleteTopics", (0, 6), Some(4), None),
    row(21, "DeleteRecords", (0, 2), Some(2), Some((0, 2))),
    row(22, "InitProducerId", (0, 6), Some(2), Some((0, 5))),
    row(23, "OffsetForLeaderEpoch", (0, 4), Some(4), Some((0, 4))),
    row(24, "AddPartitionsToTxn", (0, 5), Some(3), None),
    row(25, "AddOffsetsToTxn", (0, 4), Some(3), None),
    row(26, "EndTxn", (0, 5), Some(3), None),
    row(27, "WriteTxnMarkers", (0, 2), Some(1), None),
    row(28, "TxnOffsetCommit", (0, 6), Some(3), None),
    row(29, "DescribeAcls", (0, 3), Some(2), None),
    row(30, "CreateAcls", (0, 3), Some(2), None),
    row(31, "DeleteAcls", (0, 3), Some(2), None),
    row(32, "DescribeConfigs", (0, 4), Some(4), Some((1, 4))),
    row(33, "AlterConfigs", (0, 2), Some(2), None),
    row(34, "AlterReplicaLogDirs", (0, 2), Some(2), None),
    row(35, "DescribeLogDirs", (0, 5), Some(2), None),
    row(36, "SaslAuthenticate", (0, 2), Some(2), Some((0, 2))),
    row(37, "CreatePartitions", (0, 3), Some(2), None),
    row(38, "CreateDelegationToken", (0, 3), Some(2), None),
    row(39, "RenewDelegationToken", (0, 2), Some(2), None),
    row(40, "ExpireDelegationToken", (0, 2), Some(2), None),
    row(41, "DescribeDelegationToken", (0, 3), Some(2), None),
    row(42, "DeleteGroups", (0, 3), Some(2), Some((0, 3))),
    row(43, "ElectLeaders", (0, 2), Some(2), None),
    row(44, "IncrementalAlterConfigs", (0, 1), Some(1), None),
    row(45, "AlterPartitionReassignments", (0, 1), Some(0), None),
    row(46, "ListPartitionReassignments", (0, 0), Some(0), None),
    row(47, "OffsetDelete", (0, 0), None, Some((0, 0))),
    row(48, "DescribeClientQuotas", (0, 1), Some(1), None),
    row(49, "AlterClientQuotas", (0, 1), Some(1), None),
    row(50, "DescribeUserScramCredentials", (0, 0), Some(0), None),
    row(51, "AlterUserScramCredentials", (0, 0), Some(0), None),
    row(52, "Vote", (0, 2), Some(0), None),
    row(53, "BeginQuorumEpoch", (0, 1), Some(1), None),
    row(54, "EndQuorumEpoch", (0, 1), Some(1), None),
    row(55, "DescribeQuorum", (0, 2), Some(0), None),
    row(56, "AlterPartition", (0, 3), Some(0), None),
    row(57, "UpdateFeatures", (0, 2), Some(0), None),
    row(58, "Envelope", (0, 0), Some(0), None),
    row(59, "FetchSnapshot", (0, 1), Some(0), None),
    row(60, "DescribeCluster", (0, 2), Some(0), Some((0, 2))),
    row(61, "DescribeProducers", (0, 0), Some(0), None),
    row(62, "BrokerRegistration", (0, 4), Some(0), None),
    row(63, "BrokerHeartbeat", (0, 2), Some(0), None),
    row(64, "UnregisterBroker", (0, 0), Some(0), None),
    row(65, "DescribeTransactions", (0, 0), Some(0), None),
    row(66, "ListTransactions", (0, 2), Some(0), None),
    row(67, "AllocateProducerIds", (0, 0), Some(0), None),
    row(68, "ConsumerGroupHeartbeat", (0, 1), Some(0), Some((0, 1))),
    row(69, "ConsumerGroupDescribe", (0, 1), Some(0), None),
    row(70, "ControllerRegistration", (0, 0), Some(0), None),
    row(71, "GetTelemetrySubscriptions", (0, 0), Some(0), None),
    row(72, "PushTelemetry", (0, 0), Some(0), None),
    row(73, "AssignReplicasToDirs", (0, 0), Some(0), None),
    row(74, "ListConfigResources", (0, 1), Some(0), None),
    row(75, "DescribeTopicPartitions", (0, 0), Some(0), None),
    row(76, "ShareGroupHeartbeat", (0, 1), Some(0), None),
    row(77, "ShareGroupDescribe", (0, 1), Some(0), None),
    row(78, "ShareFetch", (0, 2), Some(0), Some((1, 2))),
    row(79, "ShareAcknowledge", (0, 2), Some(0), Some((1, 2))),
    row(80, "AddRaftVoter", (0, 1), Some(0), None),
    row(81, "RemoveRaftVoter", (0, 0), Some(0), None),
    row(82, "UpdateRaftVoter", (0, 0), Some(0), None),
    row(83, "InitializeShareGroupState", (0, 0), Some(0), None),
    row(84, "ReadShareGroupState", (0, 0), Some(0), None),
    row(85, "WriteShareGroupState", (0, 1), Some(0), None),
    row(86, "DeleteShareGroupState", (0, 0), Some(0), None),
    row(87, "ReadShareGroupStateSummary", (0, 1), Some(0), None),
    row(88, "StreamsGroupHeartbeat", (0, 1), Some(0), None),
    row(89, "StreamsGroupDescribe", (0, 1), Some(0), None),
    row(90, "DescribeShareGroupOffsets", (0, 1), Some(0), None),
    row(91, "AlterShareGroupOffsets", (0, 0), Some(0), None),
    row(92, "DeleteShareGroupOffsets", (0, 0), Some(0), None),
    row(93, "StreamsGroupTopologyDescriptionUpdate", (0, 0), Some(0), None),
    row(94, "UnregisterController", (0, 0), Some(0), None),
];
