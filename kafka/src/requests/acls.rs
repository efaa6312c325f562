//! DescribeAcls: all access rules. Needs DESCRIBE on the cluster.

use kafka_protocol::messages::{DescribeAclsRequest, DescribeAclsResponse};

use super::{Question, ReadFault};
use crate::client::Client;
use crate::error::RequestError;
use crate::wire::{Code, ProtocolError};

/// Kafka's "any" in a filter, for resources, patterns, operations and permissions.
const ANY: i8 = 1;

/// One access rule, in the words of Kafka's own tools.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    /// `TOPIC`, `GROUP`, …
    pub resource_type: &'static str,
    /// Its name or prefix.
    pub resource_name: String,
    /// `LITERAL` or `PREFIXED`.
    pub pattern_type: &'static str,
    /// `User:alice`.
    pub principal: String,
    /// `*`, or an address.
    pub host: String,
    /// `READ`, `DESCRIBE`, …
    pub operation: &'static str,
    /// `ALLOW` or `DENY`.
    pub permission: &'static str,
}

impl Client {
    /// All access rules; `None` where the cluster has no authorizer. One DescribeAcls to any broker.
    ///
    /// # Errors
    /// Where no broker answers, or the right is missing.
    pub async fn acls(&self) -> Result<Option<Vec<Acl>>, RequestError> {
        match self.ask_any(&DescribeAcls).await {
            Err(error) if error.code() == Some(Code::SECURITY_DISABLED) => Ok(None),
            asked => asked.map(Some),
        }
    }
}

pub(crate) struct DescribeAcls;

impl Question for DescribeAcls {
    type Request = DescribeAclsRequest;
    type Answer = Vec<Acl>;

    fn request(&self) -> DescribeAclsRequest {
        DescribeAclsRequest::default()
            .with_resource_type_filter(ANY)
            .with_resource_name_filter(None)
            .with_pattern_type_filter(ANY)
            .with_principal_filter(None)
            .with_host_filter(None)
            .with_operation(ANY)
            .with_permission_type(ANY)
    }

    fn read(&self, answer: DescribeAclsResponse) -> Result<Vec<Acl>, ReadFault> {
        ReadFault::of(answer.error_code)?;
        let mut acls = Vec::new();
        for resource in &answer.resources {
            for rule in &resource.acls {
                acls.push(Acl {
                    resource_type: word("resource type", &RESOURCES, resource.resource_type)?,
                    resource_name: resource.resource_name.to_string(),
                    pattern_type: word("pattern type", &PATTERNS, resource.pattern_type)?,
                    principal: rule.principal.to_string(),
                    host: rule.host.to_string(),
                    operation: word("operation", &OPERATIONS, rule.operation)?,
                    permission: word("permission", &PERMISSIONS, rule.permission_type)?,
                });
            }
        }
        acls.sort();
        Ok(acls)
    }
}

// By Kafka's numbers; 0 and 1 are "unknown" and "any", which no rule has.
const RESOURCES: [(i8, &str); 6] = [
    (2, "TOPIC"),
    (3, "GROUP"),
    (4, "CLUSTER"),
    (5, "TRANSACTIONAL_ID"),
    (6, "DELEGATION_TOKEN"),
    (7, "USER"),
];
const PATTERNS: [(i8, &str); 2] = [(3, "LITERAL"), (4, "PREFIXED")];
const OPERATIONS: [(i8, &str); 14] = [
    (2, "ALL"),
    (3, "READ"),
    (4, "WRITE"),
    (5, "CREATE"),
    (6, "DELETE"),
    (7, "ALTER"),
    (8, "DESCRIBE"),
    (9, "CLUSTER_ACTION"),
    (10, "DESCRIBE_CONFIGS"),
    (11, "ALTER_CONFIGS"),
    (12, "IDEMPOTENT_WRITE"),
    (13, "CREATE_TOKENS"),
    (14, "DESCRIBE_TOKENS"),
    (15, "TWO_PHASE_COMMIT"),
];
const PERMISSIONS: [(i8, &str); 2] = [(2, "DENY"), (3, "ALLOW")];

/// An unknown number is an error: a rule that is kept wrongly opens or closes something when it is set again.
fn word(kind: &str, words: &[(i8, &'static str)], number: i8) -> Result<&'static str, ProtocolError> {
    let known = words.iter().find(|(at, _)| *at == number);
    known
        .map(|(_, word)| *word)
        .ok_or_else(|| ProtocolError::Value { what: format!("an access rule with {kind} {number}") })
}
