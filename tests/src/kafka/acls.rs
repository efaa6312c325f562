//! Access rules, set by requests of our own: librdkafka's admin client for Rust has none.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::{
    ApiKey, CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, RequestHeader,
    ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use super::Cluster;

const LIMIT: Duration = Duration::from_secs(30);
// CreateAcls and DeleteAcls, with headers 2 and 1.
const VERSION: i16 = 3;

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// `User:alice`.
    pub principal: &'static str,
    /// Kafka's number of the resource type: 2 topic, 3 group, 4 cluster.
    pub resource: i8,
    /// The resource's name; `kafka-cluster` for the cluster.
    pub name: &'static str,
    /// Kafka's number of the operation: 3 read, 8 describe, 10 describe configs.
    pub operation: i8,
}

impl Rule {
    /// READ on a topic.
    pub fn read_topic(principal: &'static str, name: &'static str) -> Self {
        Self { principal, resource: 2, name, operation: 3 }
    }

    /// DESCRIBE on a topic.
    pub fn describe_topic(principal: &'static str, name: &'static str) -> Self {
        Self { principal, resource: 2, name, operation: 8 }
    }

    /// DESCRIBE_CONFIGS on a topic.
    pub fn describe_configs(principal: &'static str, name: &'static str) -> Self {
        Self { principal, resource: 2, name, operation: 10 }
    }

    /// DESCRIBE on a group.
    pub fn describe_group(principal: &'static str, name: &'static str) -> Self {
        Self { principal, resource: 3, name, operation: 8 }
    }

    /// DESCRIBE on the cluster.
    pub fn describe_cluster(principal: &'static str) -> Self {
        Self { principal, resource: 4, name: "kafka-cluster", operation: 8 }
    }
}

impl Cluster {
    /// Sets a rule that allows; brokers learn of it one after the other.
    pub fn allow(&self, rule: Rule) {
        let creation = AclCreation::default()
            .with_resource_type(rule.resource)
            .with_resource_name(StrBytes::from_static_str(rule.name))
            .with_resource_pattern_type(3)
            .with_principal(StrBytes::from_static_str(rule.principal))
            .with_host(StrBytes::from_static_str("*"))
            .with_operation(rule.operation)
            .with_permission_type(3);
        let request = CreateAclsRequest::default().with_creations(vec![creation]);
        let answer: CreateAclsResponse = ask(&self.bootstrap(), ApiKey::CreateAcls, &request);
        assert!(answer.results.iter().all(|result| result.error_code == 0), "set {rule:?}: {answer:?}");
    }

    /// Takes a rule away.
    pub fn forbid(&self, rule: Rule) {
        let filter = DeleteAclsFilter::default()
            .with_resource_type_filter(rule.resource)
            .with_resource_name_filter(Some(StrBytes::from_static_str(rule.name)))
            .with_pattern_type_filter(3)
            .with_principal_filter(Some(StrBytes::from_static_str(rule.principal)))
            .with_host_filter(None)
            .with_operation(rule.operation)
            .with_permission_type(3);
        let request = DeleteAclsRequest::default().with_filters(vec![filter]);
        let answer: DeleteAclsResponse = ask(&self.bootstrap(), ApiKey::DeleteAcls, &request);
        let deleted = answer.filter_results.iter().all(|result| result.matching_acls.len() == 1);
        assert!(deleted, "take away {rule:?}: {answer:?}");
    }
}

fn ask<A: Decodable>(bootstrap: &str, key: ApiKey, request: &impl Encodable) -> A {
    let address = bootstrap.split(',').next().expect("at least one broker");
    let mut stream = TcpStream::connect(address).expect("connect to the broker");
    stream.set_read_timeout(Some(LIMIT)).expect("set a limit");
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(VERSION)
        .with_client_id(Some(StrBytes::from_static_str("firnline-tests")));
    let mut body = BytesMut::new();
    header.encode(&mut body, 2).expect("encode the header");
    request.encode(&mut body, VERSION).expect("encode the request");
    let length = u32::try_from(body.len()).expect("a short request");
    stream.write_all(&length.to_be_bytes()).expect("send the length");
    stream.write_all(&body).expect("send the request");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("read the answer's length");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("read the answer");
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, 1).expect("decode the header");
    A::decode(&mut answer, VERSION).expect("decode the answer")
}
