//! Access rules, set by requests of our own: librdkafka's admin client for Rust has none.

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::{CreateAclsRequest, DeleteAclsRequest};
use kafka_protocol::protocol::StrBytes;

use super::{Cluster, ask};

// CreateAcls and DeleteAcls.
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
        let answer = ask(&self.any_broker(), &request, VERSION);
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
        let answer = ask(&self.any_broker(), &request, VERSION);
        let deleted = answer.filter_results.iter().all(|result| result.matching_acls.len() == 1);
        assert!(deleted, "take away {rule:?}: {answer:?}");
    }
}
