//! ListGroups: those that the bucket has, with the state of those that are here.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use firnline_index::keys::{KeyPrefix, ObjectKey};

use super::Desk;
use super::describe::state;
use crate::serve::groups::bucket::BucketError;
use crate::serve::groups::held::refusal;
use crate::serve::groups::machine::Phase;
use crate::serve::kafka_error::{KafkaError, code_of};
use crate::wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

/// The most groups that are listed.
const MOST: usize = 10_000;
/// The protocol whose groups are coordinated here, as Kafka calls it.
const TYPE: &str = "classic";

/// A group by name: its state and what its members do.
pub(crate) type Listed = BTreeMap<String, (&'static str, Arc<str>)>;

/// All groups that a principal may use. One LIST for a thousand of them.
pub(crate) async fn list(desk: Desk<'_>, request: &ListGroupsRequest<'_>) -> Result<Listed, KafkaError> {
    let mut all = Listed::new();
    let store = &desk.groups.bucket.store;
    let found = store.list(&KeyPrefix::Groups.to_string(), None).collect_up_to(MOST).await;
    let (found, more) = found.map_err(|error| refusal(&BucketError::List { source: Box::new(error) }))?;
    if more {
        tracing::warn!(most = MOST, "there are more groups than are listed");
    }
    for listed in found {
        if let Ok(ObjectKey::Group { group }) = listed.key.parse() {
            all.insert(group.to_string(), (state(Phase::Empty), Arc::from("consumer")));
        }
    }
    for group in desk.groups.all() {
        let told = group.look(|machine| {
            let protocol_type = machine.protocol_type().cloned().unwrap_or_else(|| Arc::from("consumer"));
            (state(machine.phase()), protocol_type)
        });
        all.insert(group.name.to_string(), told);
    }
    let wanted =
        |filter: &HashSet<String>, is: &str| filter.is_empty() || filter.contains(&is.to_ascii_lowercase());
    // A request may name any number of them, and each group is held against all.
    let states: HashSet<String> =
        request.states_filter.iter().map(|one| one.value.to_ascii_lowercase()).collect();
    let types: HashSet<String> =
        request.types_filter.iter().map(|one| one.value.to_ascii_lowercase()).collect();
    all.retain(|name, (state, _)| {
        desk.view.may_use_group(name).is_ok() && wanted(&states, state) && wanted(&types, TYPE)
    });
    Ok(all)
}

/// The answer.
pub(crate) fn answer(listed: &Result<Listed, KafkaError>) -> ListGroupsResponse<'_> {
    let groups = listed.iter().flatten().map(|(name, (state, protocol_type))| ListedGroup {
        group_id: name,
        protocol_type,
        group_state: state,
        group_type: TYPE,
    });
    ListGroupsResponse {
        error_code: code_of(listed.as_ref().err().copied()),
        groups: groups.collect(),
        ..ListGroupsResponse::default()
    }
}
