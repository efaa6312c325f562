//! DescribeConfigs: what a topic's object tells of its configuration. The node itself has none to tell.

use std::borrow::Cow;

use crate::serve::kafka_error::{KafkaError, code_of};
use crate::serve::node::Node;
use crate::serve::once::once;
use crate::serve::view::View;
use crate::wire::At;
use crate::wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult,
};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// Where Kafka says that a value comes from which was set for its topic.
const SET_FOR_TOPIC: i8 = 1;

/// How many values the answer will tell, for whoever sets memory aside.
pub(crate) fn values(request: &DescribeConfigsRequest<'_>, view: &View) -> u64 {
    let topics = named(request).filter(|asked| asked.resource_type == TOPIC);
    let found = topics.filter_map(|asked| view.named(asked.resource_name).ok());
    found.map(|topic| topic.configs.len() as u64).sum()
}

/// The answer.
pub(crate) fn answer<'a>(
    request: &DescribeConfigsRequest<'a>,
    view: &'a View,
    node: &Node,
) -> DescribeConfigsResponse<'a> {
    let results = named(request).map(|asked| {
        let found = configs(&asked, view, node);
        let (error, configs) = match found {
            Ok(configs) => (None, configs),
            Err(error) => (Some(error), Vec::new()),
        };
        DescribeConfigsResult {
            error_code: code_of(error),
            error_message: None,
            resource_type: asked.resource_type,
            resource_name: asked.resource_name,
            configs: configs.into(),
        }
    });
    DescribeConfigsResponse { results: results.collect(), ..DescribeConfigsResponse::default() }
}

/// Each resource that is named, once.
fn named<'s, 'a>(
    request: &'s DescribeConfigsRequest<'a>,
) -> impl Iterator<Item = At<Cow<'s, DescribeConfigsResource<'a>>>> {
    once(&request.resources, |asked| (asked.resource_type, asked.resource_name))
}

fn configs<'a>(
    asked: &DescribeConfigsResource<'a>,
    view: &'a View,
    node: &Node,
) -> Result<Vec<DescribeConfigsResourceResult<'a>>, KafkaError> {
    match asked.resource_type {
        TOPIC => {
            let topic = view.named(asked.resource_name)?;
            let wanted = |name: &str| match &asked.configuration_keys {
                None => true,
                Some(keys) => keys.iter().any(|key| *key.value == name),
            };
            let set = topic.configs.iter().filter(|(name, _)| wanted(name));
            Ok(set.map(|(name, value)| one(name, value)).collect())
        }
        BROKER if asked.resource_name.parse() == Ok(node.id.get()) => Ok(Vec::new()),
        _ => Err(KafkaError::InvalidRequest),
    }
}

fn one<'a>(name: &'a str, value: &'a str) -> DescribeConfigsResourceResult<'a> {
    DescribeConfigsResourceResult {
        name,
        value: Some(value),
        read_only: true,
        config_source: SET_FOR_TOPIC,
        documentation: None,
        ..DescribeConfigsResourceResult::default()
    }
}
