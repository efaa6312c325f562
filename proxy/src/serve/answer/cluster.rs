//! DescribeCluster: one node.

use crate::serve::kafka_error::KafkaError;
use crate::serve::node::Node;
use crate::wire::At;
use crate::wire::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};

/// Who asks for brokers; the other kind are controllers.
const BROKERS: i8 = 1;

/// The answer.
pub(crate) fn answer<'a>(request: &DescribeClusterRequest, node: &'a Node) -> DescribeClusterResponse<'a> {
    if request.endpoint_type != BROKERS {
        return DescribeClusterResponse {
            error_code: KafkaError::MismatchedEndpointType.code(),
            error_message: Some("there are no controllers here"),
            endpoint_type: BROKERS,
            ..DescribeClusterResponse::default()
        };
    }
    let broker = DescribeClusterBroker {
        broker_id: node.id.get(),
        host: At::new(&node.host),
        port: At::new(i32::from(node.port)),
        ..DescribeClusterBroker::default()
    };
    DescribeClusterResponse {
        endpoint_type: BROKERS,
        cluster_id: node.cluster_id.as_str(),
        controller_id: node.id.get(),
        brokers: vec![broker].into(),
        ..DescribeClusterResponse::default()
    }
}
