//! FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup: being a member of a consumer group that divides work. No
//! offset is committed. Needs READ on the group. [`crate::membership`] makes a member's life of them.

use bytes::Bytes;
use firnline_index::NodeId;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest,
    JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use std::time::Duration;

use super::{Question, ReadFault, text};
use crate::wire::{Code, ProtocolError};

/// What all members of our groups are, in Kafka's word for members that share partitions: its tools then show who has which.
pub(crate) const PROTOCOL_TYPE: &str = "consumer";
/// A group's coordinator is asked for, not a transaction's.
const KEY_OF_A_GROUP: i8 = 0;

/// Which broker coordinates a group.
pub(crate) struct FindCoordinator<'a>(pub(crate) &'a str);

impl Question for FindCoordinator<'_> {
    type Request = FindCoordinatorRequest;
    type Answer = NodeId;

    fn request(&self) -> FindCoordinatorRequest {
        FindCoordinatorRequest::default()
            .with_key_type(KEY_OF_A_GROUP)
            .with_coordinator_keys(vec![text(self.0)])
    }

    fn read(&self, answer: FindCoordinatorResponse) -> Result<NodeId, ReadFault> {
        let told = answer.coordinators.iter().find(|told| &*told.key == self.0);
        let told = told.ok_or_else(|| ProtocolError::Missing { what: format!("group {:?}", self.0) })?;
        ReadFault::of(told.error_code)?;
        NodeId::new(told.node_id.0).map_err(|error| ProtocolError::Value { what: error.to_string() }.into())
    }
}

/// A member asks to be in the next generation.
pub(crate) struct JoinGroup<'a> {
    pub(crate) group: &'a str,
    /// Empty before the coordinator has given one.
    pub(crate) member: &'a str,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol: &'a str,
    pub(crate) metadata: Bytes,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JoinAnswer {
    /// It is in.
    In { generation: i32, member: String, leads: bool, members: Vec<(String, Bytes)> },
    /// It is to ask again under this name.
    Named(String),
}

impl Question for JoinGroup<'_> {
    type Request = JoinGroupRequest;
    type Answer = JoinAnswer;

    fn request(&self) -> JoinGroupRequest {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text(self.protocol))
            .with_metadata(self.metadata.clone());
        JoinGroupRequest::default()
            .with_group_id(text(self.group).into())
            .with_session_timeout_ms(millis(self.session_timeout))
            .with_rebalance_timeout_ms(millis(self.rebalance_timeout))
            .with_member_id(text(self.member))
            .with_protocol_type(text(PROTOCOL_TYPE))
            .with_protocols(vec![protocol])
    }

    fn read(&self, answer: JoinGroupResponse) -> Result<JoinAnswer, ReadFault> {
        let member = answer.member_id.to_string();
        match Code::of(answer.error_code) {
            Some(Code::MEMBER_ID_REQUIRED) if !member.is_empty() => return Ok(JoinAnswer::Named(member)),
            Some(code) => return Err(ReadFault::Code(code)),
            None => {}
        }
        if member.is_empty() {
            return Err(ProtocolError::Missing { what: "the member's id".to_owned() }.into());
        }
        let leads = *answer.leader == *member;
        let members = answer.members.into_iter().map(|told| (told.member_id.to_string(), told.metadata));
        Ok(JoinAnswer::In {
            generation: answer.generation_id,
            leads,
            members: if leads { members.collect() } else { Vec::new() },
            member,
        })
    }
}

/// The leader says who does what, all others ask.
pub(crate) struct SyncGroup<'a> {
    pub(crate) group: &'a str,
    pub(crate) member: &'a str,
    pub(crate) generation: i32,
    pub(crate) protocol: &'a str,
    pub(crate) shares: &'a [(String, Bytes)],
}

impl Question for SyncGroup<'_> {
    type Request = SyncGroupRequest;
    type Answer = Bytes;

    fn request(&self) -> SyncGroupRequest {
        let share = |(member, share): &(String, Bytes)| {
            SyncGroupRequestAssignment::default().with_member_id(text(member)).with_assignment(share.clone())
        };
        SyncGroupRequest::default()
            .with_group_id(text(self.group).into())
            .with_generation_id(self.generation)
            .with_member_id(text(self.member))
            .with_protocol_type(Some(text(PROTOCOL_TYPE)))
            .with_protocol_name(Some(text(self.protocol)))
            .with_assignments(self.shares.iter().map(share).collect())
    }

    fn read(&self, answer: SyncGroupResponse) -> Result<Bytes, ReadFault> {
        ReadFault::of(answer.error_code)?;
        Ok(answer.assignment)
    }
}

/// A member is there still.
pub(crate) struct Heartbeat<'a> {
    pub(crate) group: &'a str,
    pub(crate) member: &'a str,
    pub(crate) generation: i32,
}

impl Question for Heartbeat<'_> {
    type Request = HeartbeatRequest;
    /// `None`: all is as it was; else why it is not.
    type Answer = Option<Code>;

    fn request(&self) -> HeartbeatRequest {
        HeartbeatRequest::default()
            .with_group_id(text(self.group).into())
            .with_generation_id(self.generation)
            .with_member_id(text(self.member))
    }

    fn read(&self, answer: HeartbeatResponse) -> Result<Option<Code>, ReadFault> {
        Ok(Code::of(answer.error_code))
    }
}

/// A member goes, so that the others need not wait until it is missed.
pub(crate) struct LeaveGroup<'a> {
    pub(crate) group: &'a str,
    pub(crate) member: &'a str,
}

impl Question for LeaveGroup<'_> {
    type Request = LeaveGroupRequest;
    type Answer = ();

    fn request(&self) -> LeaveGroupRequest {
        let member = MemberIdentity::default().with_member_id(text(self.member));
        LeaveGroupRequest::default().with_group_id(text(self.group).into()).with_members(vec![member])
    }

    fn read(&self, answer: LeaveGroupResponse) -> Result<(), ReadFault> {
        ReadFault::of(answer.error_code)
    }
}

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::find_coordinator_response::Coordinator;
    use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;

    fn join(member: &'static str) -> JoinGroup<'static> {
        let second = Duration::from_secs(1);
        JoinGroup {
            group: "g",
            member,
            session_timeout: second,
            rebalance_timeout: second,
            protocol: "share",
            metadata: Bytes::new(),
        }
    }

    #[test]
    fn a_coordinator_of_another_group_is_no_answer() {
        let of = |key: &'static str| {
            let told = Coordinator::default().with_key(text(key)).with_node_id(3.into());
            FindCoordinator("g").read(FindCoordinatorResponse::default().with_coordinators(vec![told]))
        };
        assert_eq!(of("g").expect("it is there").get(), 3);
        assert!(matches!(of("h"), Err(ReadFault::Protocol(ProtocolError::Missing { .. }))));
    }

    #[test]
    fn only_the_leader_is_told_who_else_is_there() {
        let answer = |leader: &'static str| {
            let other = JoinGroupResponseMember::default().with_member_id(text("b"));
            join("a").read(
                JoinGroupResponse::default()
                    .with_member_id(text("a"))
                    .with_generation_id(7)
                    .with_leader(text(leader))
                    .with_members(vec![other]),
            )
        };
        let JoinAnswer::In { leads, members, generation, .. } = answer("a").expect("it is in") else {
            panic!("it is in")
        };
        assert!(leads && members.len() == 1 && generation == 7);
        let JoinAnswer::In { leads, members, .. } = answer("b").expect("it is in") else {
            panic!("it is in")
        };
        assert!(!leads && members.is_empty());
    }

    #[test]
    fn a_name_is_given_first_and_a_refusal_is_one() {
        let told = |code: i16, member: &'static str| {
            join("").read(JoinGroupResponse::default().with_error_code(code).with_member_id(text(member)))
        };
        assert_eq!(told(79, "a").expect("a name"), JoinAnswer::Named("a".to_owned()));
        assert!(matches!(told(30, ""), Err(ReadFault::Code(Code::GROUP_AUTHORIZATION_FAILED))));
        assert!(matches!(told(0, ""), Err(ReadFault::Protocol(_))));
    }
}
