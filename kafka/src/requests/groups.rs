//! ListGroups and OffsetFetch: what consumer groups have committed. Each broker lists the groups that it coordinates and
//! answers for their offsets. Needs DESCRIBE on each group (or on the cluster, for the list) and on each topic.

use firnline_index::{LeaderEpoch, Offset, PartitionIndex, TopicName};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    ListGroupsRequest, ListGroupsResponse, OffsetFetchRequest, OffsetFetchResponse,
};

use super::{Question, ReadFault, text};
use crate::client::Lease;
use crate::error::RequestError;
use crate::wire::{Code, ProtocolError};

/// Groups in one request. A group that reads 10,000 partitions has some 300 KiB.
pub const GROUPS_PER_REQUEST: usize = 32;

/// A group as its coordinator lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// `consumer`, or what else its members named; empty where only offsets are left.
    pub protocol: String,
    /// `Stable`, `Empty`, …
    pub state: String,
}

/// An offset that a group has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: PartitionIndex,
    /// The next offset to be read.
    pub offset: Offset,
    /// The epoch of the last record read, where the client told it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// What the client wrote beside it.
    pub metadata: String,
}

impl Lease {
    /// The groups that this broker coordinates and that we may see. One ListGroups.
    ///
    /// # Errors
    /// Where the broker does not answer, or answers with an error.
    pub async fn groups(&mut self) -> Result<Vec<Group>, RequestError> {
        self.ask(&ListGroups).await
    }

    /// All offsets of each group, in the order asked, or the error code; this broker must coordinate them. Partitions that
    /// answer with an error of their own are left out with it beside. One OffsetFetch for [`GROUPS_PER_REQUEST`] groups.
    ///
    /// # Errors
    /// Where the broker does not answer, or answers something else.
    pub async fn group_offsets(
        &mut self,
        groups: &[String],
    ) -> Result<Vec<Result<GroupOffsets, Code>>, RequestError> {
        let mut offsets = Vec::with_capacity(groups.len());
        for groups in groups.chunks(GROUPS_PER_REQUEST) {
            offsets.extend(self.ask(&OffsetFetch(groups)).await?);
        }
        Ok(offsets)
    }
}

/// All that a group has committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupOffsets {
    /// The offsets.
    pub committed: Vec<CommittedOffset>,
    /// How many partitions answered with an error instead, and the last such error.
    pub failed: Option<(usize, Code)>,
}

pub(crate) struct ListGroups;

impl Question for ListGroups {
    type Request = ListGroupsRequest;
    type Answer = Vec<Group>;

    fn request(&self) -> ListGroupsRequest {
        ListGroupsRequest::default()
    }

    fn read(&self, answer: ListGroupsResponse) -> Result<Vec<Group>, ReadFault> {
        ReadFault::of(answer.error_code)?;
        let group = |group: &kafka_protocol::messages::list_groups_response::ListedGroup| Group {
            id: group.group_id.to_string(),
            protocol: group.protocol_type.to_string(),
            state: group.group_state.to_string(),
        };
        Ok(answer.groups.iter().map(group).collect())
    }
}

pub(crate) struct OffsetFetch<'a>(pub(crate) &'a [String]);

impl Question for OffsetFetch<'_> {
    type Request = OffsetFetchRequest;
    type Answer = Vec<Result<GroupOffsets, Code>>;

    fn request(&self) -> OffsetFetchRequest {
        let group =
            |id: &String| OffsetFetchRequestGroup::default().with_group_id(text(id).into()).with_topics(None);
        OffsetFetchRequest::default().with_groups(self.0.iter().map(group).collect())
    }

    fn read(&self, answer: OffsetFetchResponse) -> Result<Self::Answer, ReadFault> {
        let mut told = std::collections::HashMap::new();
        for group in answer.groups {
            let id = group.group_id.to_string();
            let offsets = Code::of(group.error_code).map_or_else(|| offsets(&group), |code| Ok(Err(code)))?;
            if told.insert(id, offsets).is_some() {
                let what = format!("group {:?}", &*group.group_id);
                return Err(ProtocolError::Unasked { what, how: "twice" }.into());
            }
        }
        let mut all = Vec::with_capacity(self.0.len());
        for id in self.0 {
            let offsets = told.remove(id);
            all.push(offsets.ok_or_else(|| ProtocolError::Missing { what: format!("group {id:?}") })?);
        }
        match told.into_keys().next() {
            None => Ok(all),
            Some(id) => Err(ProtocolError::Unasked { what: format!("group {id:?}"), how: "unasked" }.into()),
        }
    }
}

fn offsets(
    group: &kafka_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup,
) -> Result<Result<GroupOffsets, Code>, ProtocolError> {
    let impossible = |error: firnline_index::ValueError| ProtocolError::Value { what: error.to_string() };
    let mut offsets = GroupOffsets::default();
    for topic in &group.topics {
        let name = TopicName::new(&topic.name).map_err(impossible)?;
        for told in &topic.partitions {
            if let Some(code) = Code::of(told.error_code) {
                offsets.failed = Some((offsets.failed.map_or(0, |(count, _)| count) + 1, code));
                continue;
            }
            // Absent: listed without a committed offset.
            let Some(offset) = Offset::from_kafka(told.committed_offset) else { continue };
            offsets.committed.push(CommittedOffset {
                topic: name.clone(),
                partition: PartitionIndex::new(told.partition_index).map_err(impossible)?,
                offset,
                leader_epoch: LeaderEpoch::from_kafka(told.committed_leader_epoch),
                metadata: told.metadata.as_deref().unwrap_or_default().to_owned(),
            });
        }
    }
    Ok(Ok(offsets))
}
