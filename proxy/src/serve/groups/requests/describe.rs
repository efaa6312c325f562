//! DescribeGroups.

use std::sync::Arc;

use bytes::Bytes;

use super::{Desk, each};
use crate::serve::groups::machine::{Machine, Phase};
use crate::serve::kafka_error::{KafkaError, code_of};
use crate::wire::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};

/// From here on a group that is not there is an error.
const MISSED_FROM: i16 = 6;

/// What is told of a group.
#[derive(Debug)]
pub(crate) struct Described {
    group: String,
    state: &'static str,
    protocol_type: Arc<str>,
    protocol: Arc<str>,
    members: Vec<MemberTold>,
    error: Option<KafkaError>,
}

#[derive(Debug)]
struct MemberTold {
    id: Arc<str>,
    instance: Option<Arc<str>>,
    client: Arc<str>,
    metadata: Bytes,
    assignment: Bytes,
}

/// A state in Kafka's words.
pub(super) const fn state(phase: Phase) -> &'static str {
    match phase {
        Phase::Empty => "Empty",
        Phase::Preparing { .. } => "PreparingRebalance",
        Phase::Completing => "CompletingRebalance",
        Phase::Stable => "Stable",
    }
}

/// What a request asks for.
pub(crate) async fn describe(
    desk: Desk<'_>,
    request: &DescribeGroupsRequest<'_>,
    version: i16,
) -> Vec<Described> {
    let names = request.groups.iter().map(|name| *name.value).collect();
    each(names, |name, time| async move {
        let told = time.of(one(desk, &name, version)).await;
        told.unwrap_or_else(|error| nothing(&name, "", Some(error)))
    })
    .await
}

async fn one(desk: Desk<'_>, name: &str, version: i16) -> Result<Described, KafkaError> {
    let group = desk.group(name)?;
    if group.is_ours() {
        return Ok(group.look(|machine| held(name, machine)));
    }
    if desk.groups.is_elsewhere(&group).await? {
        return Err(KafkaError::NotCoordinator);
    }
    if desk.groups.is_there(&group).await {
        return Ok(nothing(name, state(Phase::Empty), None));
    }
    let missed = (version >= MISSED_FROM).then_some(KafkaError::GroupIdNotFound);
    Ok(nothing(name, "Dead", missed))
}

fn nothing(name: &str, state: &'static str, error: Option<KafkaError>) -> Described {
    let (protocol_type, protocol) = Default::default();
    Described { group: name.to_owned(), state, protocol_type, protocol, members: Vec::new(), error }
}

fn held(name: &str, machine: &Machine) -> Described {
    let protocol = machine.protocol().cloned().unwrap_or_default();
    let stable = machine.phase() == Phase::Stable;
    let member = |(id, member): (&Arc<str>, &crate::serve::groups::machine::Member)| MemberTold {
        id: Arc::clone(id),
        instance: member.instance.clone(),
        client: Arc::clone(&member.client),
        // Before they have been divided there are no parts to tell.
        metadata: if stable { member.metadata(&protocol) } else { Bytes::new() },
        assignment: if stable { member.assignment.clone() } else { Bytes::new() },
    };
    Described {
        group: name.to_owned(),
        state: state(machine.phase()),
        protocol_type: machine.protocol_type().cloned().unwrap_or_default(),
        members: machine.members().iter().map(member).collect(),
        protocol: if stable { protocol.clone() } else { Arc::default() },
        error: None,
    }
}

/// The answer.
pub(crate) fn answer(described: &[Described]) -> DescribeGroupsResponse<'_> {
    let groups = described.iter().map(|told| DescribedGroup {
        error_code: code_of(told.error),
        group_id: &told.group,
        group_state: told.state,
        protocol_type: &told.protocol_type,
        protocol_data: &told.protocol,
        members: told
            .members
            .iter()
            .map(|member| DescribedGroupMember {
                member_id: &member.id,
                group_instance_id: member.instance.as_deref(),
                client_id: &member.client,
                client_host: "",
                member_metadata: &member.metadata,
                member_assignment: &member.assignment,
            })
            .collect(),
        ..DescribedGroup::default()
    });
    DescribeGroupsResponse { groups: groups.collect(), ..DescribeGroupsResponse::default() }
}

/// About how many bytes the answer takes, for whoever sets memory aside.
pub(crate) fn bytes(described: &[Described]) -> u64 {
    let member = |member: &MemberTold| 400 + member.metadata.len() + member.assignment.len();
    described.iter().map(|told| 400 + told.members.iter().map(member).sum::<usize>() as u64).sum()
}
