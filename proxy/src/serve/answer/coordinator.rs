//! FindCoordinator: this node, for groups; nobody, for what is only there to write.

use crate::serve::kafka_error::{KafkaError, code_of};
use crate::serve::node::Node;
use crate::wire::At;
use crate::wire::messages::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
/// From here on several are asked for at once.
const MANY_FROM: i16 = 4;

/// The answer.
pub(crate) fn answer<'a>(
    request: &FindCoordinatorRequest<'a>,
    version: i16,
    node: &'a Node,
) -> FindCoordinatorResponse<'a> {
    let error = match request.key_type {
        GROUP => None,
        TRANSACTION => Some(KafkaError::TransactionalIdAuthorizationFailed),
        _ => Some(KafkaError::InvalidRequest),
    };
    let (node_id, host, port) = match error {
        None => (node.id.get(), &*node.host, i32::from(node.port)),
        Some(_) => (-1, "", -1),
    };
    let (host, port, error_code) = (At::new(host), At::new(port), code_of(error));
    if version < MANY_FROM {
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
    let one = |key| Coordinator { key, node_id, host, port, error_code, error_message: None };
    FindCoordinatorResponse {
        coordinators: request.coordinator_keys.iter().map(|key| one(*key.value)).collect(),
        ..FindCoordinatorResponse::default()
    }
}
