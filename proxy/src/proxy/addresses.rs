//! Addresses of brokers in answers: each is taken out, learned, and replaced by the node's own port here.
//!
//! Node ids stay what they are. An address beside an error is none, and is left alone.

use bytes::Bytes;

use super::ended::Ended;
use super::nodes::{NodeError, Nodes, Reached};
use crate::wire::messages::describe_cluster::DescribeClusterResponse;
use crate::wire::messages::find_coordinator::FindCoordinatorResponse;
use crate::wire::messages::metadata::MetadataResponse;
use crate::wire::messages::share_acknowledge::ShareAcknowledgeResponse;
use crate::wire::messages::share_fetch::ShareFetchResponse;
use crate::wire::messages::{fetch, produce};
use crate::wire::{Api, At, Form, Frame, List, Splice, fragment, read_response, splice, tagged_fragment};

/// The tagged field with the addresses of new leaders.
const NODE_ENDPOINTS: u32 = 0;
/// DescribeCluster's word for brokers; the other one is for controllers, which clients never connect to.
const BROKERS: i8 = 1;

/// Where nodes are reached.
pub(crate) trait Doors {
    /// How a node is reached here that is said to be there.
    fn reach(&self, node: i32, host: &str, port: i32) -> Result<Reached, NodeError>;
}

impl Doors for Nodes {
    fn reach(&self, node: i32, host: &str, port: i32) -> Result<Reached, NodeError> {
        self.learn(node, host, port)
    }
}

/// Whether the answer to a request carries addresses outside the data path.
pub(crate) fn are_in(api: Api, version: i16) -> bool {
    match api {
        Api::METADATA | Api::FIND_COORDINATOR | Api::DESCRIBE_CLUSTER => true,
        Api::SHARE_FETCH | Api::SHARE_ACKNOWLEDGE => true,
        Api::PRODUCE => version >= 10,
        _ => false,
    }
}

/// An answer for which [`are_in`] is true, with this proxy's addresses.
pub(crate) fn rewrite(api: Api, version: i16, frame: &Bytes, doors: &impl Doors) -> Result<Frame, Ended> {
    let mut found = Found { form: api.form(version), doors, splices: Vec::new() };
    match api {
        Api::METADATA => {
            let answer: MetadataResponse<'_> = read_response(frame, version)?;
            for broker in &answer.brokers {
                found.address(broker.node_id, &broker.host, &broker.port)?;
            }
        }
        Api::FIND_COORDINATOR => {
            let answer: FindCoordinatorResponse<'_> = read_response(frame, version)?;
            found.address(answer.node_id, &answer.host, &answer.port)?;
            for coordinator in &answer.coordinators {
                found.address(coordinator.node_id, &coordinator.host, &coordinator.port)?;
            }
        }
        Api::DESCRIBE_CLUSTER => {
            let answer: DescribeClusterResponse<'_> = read_response(frame, version)?;
            for broker in answer.brokers.iter().filter(|_| answer.endpoint_type == BROKERS) {
                found.address(broker.broker_id, &broker.host, &broker.port)?;
            }
        }
        Api::SHARE_FETCH => {
            let answer: ShareFetchResponse<'_> = read_response(frame, version)?;
            for node in &answer.node_endpoints.value {
                found.address(node.node_id, &node.host, &node.port)?;
            }
        }
        Api::SHARE_ACKNOWLEDGE => {
            let answer: ShareAcknowledgeResponse<'_> = read_response(frame, version)?;
            for node in &answer.node_endpoints.value {
                found.address(node.node_id, &node.host, &node.port)?;
            }
        }
        _ => {
            let answer: produce::ProduceResponse<'_> = read_response(frame, version)?;
            if let Some(endpoints) = answer.node_endpoints {
                let told =
                    endpoints.value.iter().map(|node| (node.node_id, node.host.value, node.port.value));
                let reached = found.reach(told)?;
                let mut ours = Vec::new();
                for (node, reached) in endpoints.value.iter().zip(&reached) {
                    let mut node = node.value.into_owned();
                    if let Some(Reached { host, port }) = reached {
                        (node.host, node.port) = (At::new(&**host), At::new(i32::from(*port)));
                    }
                    ours.push(node);
                }
                found.field(endpoints.span, &List::from(ours))?;
            }
        }
    }
    Ok(splice(frame, found.splices)?)
}

/// The addresses of new leaders in an answer to a fetch, in other words; where there are any.
pub(crate) fn in_fetch(
    answer: &fetch::FetchResponse<'_>,
    version: i16,
    doors: &impl Doors,
) -> Result<Vec<Splice>, Ended> {
    let mut found = Found { form: Api::FETCH.form(version), doors, splices: Vec::new() };
    if let Some(endpoints) = &answer.node_endpoints {
        let told = endpoints.value.iter().map(|node| (node.node_id, node.host.value, node.port.value));
        let reached = found.reach(told)?;
        let mut ours = Vec::new();
        for (node, reached) in endpoints.value.iter().zip(&reached) {
            let mut node = node.value.into_owned();
            if let Some(Reached { host, port }) = reached {
                (node.host, node.port) = (At::new(&**host), At::new(i32::from(*port)));
            }
            ours.push(node);
        }
        found.field(endpoints.span, &List::from(ours))?;
    }
    Ok(found.splices)
}

struct Found<'d, D> {
    form: Form,
    doors: &'d D,
    splices: Vec<Splice>,
}

impl<D: Doors> Found<'_, D> {
    /// A host and a port that were read from the frame.
    fn address(&mut self, node: i32, host: &At<&str>, port: &At<i32>) -> Result<(), Ended> {
        let (Some(host_span), Some(port_span)) = (host.span, port.span) else { return Ok(()) };
        if !is_one(node, host.value) {
            return Ok(());
        }
        let own = self.doors.reach(node, host.value, port.value)?;
        self.splices.push(Splice { span: host_span, with: fragment(&&*own.host, self.form)? });
        self.splices.push(Splice { span: port_span, with: fragment(&i32::from(own.port), self.form)? });
        Ok(())
    }

    /// How nodes are reached that are written anew; `None` for what is none.
    fn reach<'a>(
        &self,
        told: impl Iterator<Item = (i32, &'a str, i32)>,
    ) -> Result<Vec<Option<Reached>>, NodeError> {
        told.map(|(node, host, port)| {
            is_one(node, host).then(|| self.doors.reach(node, host, port)).transpose()
        })
        .collect()
    }

    fn field<'a, V: crate::wire::Value<'a>>(
        &mut self,
        span: Option<crate::wire::Span>,
        value: &V,
    ) -> Result<(), Ended> {
        if let Some(span) = span {
            self.splices.push(Splice { span, with: tagged_fragment(NODE_ENDPOINTS, value, self.form)? });
        }
        Ok(())
    }
}

const fn is_one(node: i32, host: &str) -> bool {
    node >= 0 && !host.is_empty()
}
