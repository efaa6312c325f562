//! Addresses of brokers in answers: each is taken out, learned, and replaced by the node's own port here.
//!
//! Node ids stay what they are. An address beside an error is none, and is left alone.

use bytes::Bytes;

use super::ended::Ended;
use super::nodes::{NodeError, Nodes};
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
    /// The host that clients are told.
    fn host(&self) -> &str;

    /// The port of a node that is said to be there.
    fn port(&self, node: i32, host: &str, port: i32) -> Result<u16, NodeError>;
}

impl Doors for Nodes {
    fn host(&self) -> &str {
        self.host()
    }

    fn port(&self, node: i32, host: &str, port: i32) -> Result<u16, NodeError> {
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
                let mut ours = Vec::new();
                for node in &endpoints.value {
                    let mut node = node.value.into_owned();
                    found.replace(node.node_id, &mut node.host, &mut node.port)?;
                    ours.push(node);
                }
                let span = endpoints.span;
                found.field(span, &List::from(ours))?;
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
        let mut ours = Vec::new();
        for node in &endpoints.value {
            let mut node = node.value.into_owned();
            found.replace(node.node_id, &mut node.host, &mut node.port)?;
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

impl<'d, D: Doors> Found<'d, D> {
    /// A host and a port that were read from the frame.
    fn address(&mut self, node: i32, host: &At<&str>, port: &At<i32>) -> Result<(), Ended> {
        let (Some(host_span), Some(port_span)) = (host.span, port.span) else { return Ok(()) };
        if !is_one(node, host.value) {
            return Ok(());
        }
        let own = self.doors.port(node, host.value, port.value)?;
        self.splices.push(Splice { span: host_span, with: fragment(&self.doors.host(), self.form)? });
        self.splices.push(Splice { span: port_span, with: fragment(&i32::from(own), self.form)? });
        Ok(())
    }

    /// A host and a port that are written anew.
    fn replace(&self, node: i32, host: &mut At<&'d str>, port: &mut At<i32>) -> Result<(), Ended> {
        if is_one(node, host.value) {
            *port = At::new(i32::from(self.doors.port(node, host.value, port.value)?));
            *host = At::new(self.doors.host());
        }
        Ok(())
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
