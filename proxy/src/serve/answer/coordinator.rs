//! FindCoordinator: the server that has a group, this one where none has; nobody, for what is only there to write.

use firnline_index::group::GroupOwner;

use crate::serve::groups::Groups;
use crate::serve::groups::requests::each;
use crate::serve::kafka_error::{KafkaError, code_of};
use crate::serve::view::View;
use crate::wire::At;
use crate::wire::messages::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
/// From here on several are asked for at once.
const MANY_FROM: i16 = 4;

/// Where a group is coordinated, or why nowhere.
pub(crate) type Found = Result<GroupOwner, KafkaError>;

/// The coordinators of all that a request names, each once, in its order.
pub(crate) async fn find(
    request: &FindCoordinatorRequest<'_>,
    version: i16,
    view: &View,
    groups: &Groups,
) -> Vec<(String, Found)> {
    let names = if version < MANY_FROM {
        vec![request.key]
    } else {
        request.coordinator_keys.iter().map(|key| *key.value).collect()
    };
    let key_type = request.key_type;
    each(names, |name, time| async move {
        let found = match key_type {
            GROUP => match view.may_use_group(&name) {
                Ok(()) => time.of(groups.coordinator(&name)).await,
                Err(error) => Err(error),
            },
            TRANSACTION => Err(KafkaError::TransactionalIdAuthorizationFailed),
            _ => Err(KafkaError::InvalidRequest),
        };
        (name, found)
    })
    .await
}

/// The answer.
pub(crate) fn answer(version: i16, found: &[(String, Found)]) -> FindCoordinatorResponse<'_> {
    if version < MANY_FROM {
        let Some((_, found)) = found.first() else { return FindCoordinatorResponse::default() };
        let (node_id, host, port, error_code) = told(found);
        let error_message = None;
        return FindCoordinatorResponse {
            error_code,
            error_message,
            node_id,
            host,
            port,
            ..FindCoordinatorResponse::default()
        };
    }
    let all = found.iter().map(|(key, found)| {
        let (node_id, host, port, error_code) = told(found);
        Coordinator { key, node_id, host, port, error_code, error_message: None }
    });
    FindCoordinatorResponse { coordinators: all.collect(), ..FindCoordinatorResponse::default() }
}

fn told(found: &Found) -> (i32, At<&str>, At<i32>, i16) {
    match found {
        Ok(owner) => (owner.node.get(), At::new(&*owner.host), At::new(i32::from(owner.port)), 0),
        Err(error) => (-1, At::new(""), At::new(-1), code_of(Some(*error))),
    }
}
