//! FindCoordinator: the server that has a group, this one where none has; nobody, for what is only there to write.

use firnline_index::group::GroupOwner;
use futures::{StreamExt, stream};

use crate::serve::groups::Groups;
use crate::serve::kafka_error::{KafkaError, code_of};
use crate::serve::view::View;
use crate::wire::At;
use crate::wire::messages::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
/// From here on several are asked for at once.
const MANY_FROM: i16 = 4;
/// Groups of one request that are looked for at once.
const LOOKS: usize = 16;

/// Where a group is coordinated, or why nowhere.
pub(crate) type Found = Result<GroupOwner, KafkaError>;

/// The coordinators of all that a request names, in its order.
pub(crate) async fn find(
    request: &FindCoordinatorRequest<'_>,
    version: i16,
    view: &View,
    groups: &Groups,
) -> Vec<Found> {
    let names: Vec<String> = if version < MANY_FROM {
        vec![request.key.to_owned()]
    } else {
        request.coordinator_keys.iter().map(|key| (*key.value).to_owned()).collect()
    };
    let key_type = request.key_type;
    let found = stream::iter(names).map(|name| async move {
        match key_type {
            GROUP => {
                view.may_use_group(&name)?;
                groups.coordinator(&name).await
            }
            TRANSACTION => Err(KafkaError::TransactionalIdAuthorizationFailed),
            _ => Err(KafkaError::InvalidRequest),
        }
    });
    found.buffered(LOOKS).collect().await
}

/// The answer.
pub(crate) fn answer<'a>(
    request: &FindCoordinatorRequest<'a>,
    version: i16,
    found: &'a [Found],
) -> FindCoordinatorResponse<'a> {
    if version < MANY_FROM {
        let Some(found) = found.first() else { return FindCoordinatorResponse::default() };
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
    let all = request.coordinator_keys.iter().zip(found).map(|(key, found)| {
        let (node_id, host, port, error_code) = told(found);
        Coordinator { key: *key.value, node_id, host, port, error_code, error_message: None }
    });
    FindCoordinatorResponse { coordinators: all.collect(), ..FindCoordinatorResponse::default() }
}

fn told(found: &Found) -> (i32, At<&str>, At<i32>, i16) {
    match found {
        Ok(owner) => (owner.node.get(), At::new(&*owner.host), At::new(i32::from(owner.port)), 0),
        Err(error) => (-1, At::new(""), At::new(-1), code_of(Some(*error))),
    }
}
