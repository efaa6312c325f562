//! DescribeConfigs: the settings of topics. Needs DESCRIBE_CONFIGS on each.

use std::collections::BTreeMap;

use firnline_index::TopicName;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResult;
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

use super::{Question, ReadFault, text};
use crate::client::Client;
use crate::error::RequestError;
use crate::wire::{Code, ProtocolError};

/// Topics in one request. The answer has some 3 KiB for each.
pub const TOPICS_PER_REQUEST: usize = 1_000;

const TOPIC: i8 = 2;
const SET_ON_THE_TOPIC: i8 = 1;

/// A topic's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicSettings {
    /// What was set on the topic itself, name to value. Values that the broker keeps to itself are left out.
    pub set: BTreeMap<String, String>,
    /// What is in force, name to value, whoever set it.
    pub effective: BTreeMap<String, String>,
}

impl Client {
    /// The settings of each topic, in the order asked; the error code where the broker tells none. No topic may be asked
    /// twice. One DescribeConfigs to any broker for [`TOPICS_PER_REQUEST`] topics.
    ///
    /// # Errors
    /// Where no broker answers, or answers something else.
    pub async fn topic_settings(
        &self,
        topics: &[TopicName],
    ) -> Result<Vec<Result<TopicSettings, Code>>, RequestError> {
        let mut settings = Vec::with_capacity(topics.len());
        for topics in topics.chunks(TOPICS_PER_REQUEST) {
            settings.extend(self.ask_any(&DescribeConfigs(topics)).await?);
        }
        Ok(settings)
    }
}

pub(crate) struct DescribeConfigs<'a>(pub(crate) &'a [TopicName]);

impl Question for DescribeConfigs<'_> {
    type Request = DescribeConfigsRequest;
    type Answer = Vec<Result<TopicSettings, Code>>;

    fn request(&self) -> DescribeConfigsRequest {
        let resource = |topic: &TopicName| {
            DescribeConfigsResource::default()
                .with_resource_type(TOPIC)
                .with_resource_name(text(topic.as_str()))
                .with_configuration_keys(None)
        };
        DescribeConfigsRequest::default().with_resources(self.0.iter().map(resource).collect())
    }

    fn read(&self, answer: DescribeConfigsResponse) -> Result<Self::Answer, ReadFault> {
        let mut told: BTreeMap<String, Result<TopicSettings, Code>> = BTreeMap::new();
        for result in answer.results {
            let name = result.resource_name.chars().take(300).collect::<String>();
            if result.resource_type != TOPIC {
                let what = format!("resource {name:?} of type {}", result.resource_type);
                return Err(ProtocolError::Unasked { what, how: "unasked" }.into());
            }
            if told.insert(name.clone(), settings(result)).is_some() {
                let what = format!("topic {name:?}");
                return Err(ProtocolError::Unasked { what, how: "twice" }.into());
            }
        }
        let mut all = Vec::with_capacity(self.0.len());
        for topic in self.0 {
            let settings = told.remove(topic.as_str());
            all.push(settings.ok_or_else(|| ProtocolError::Missing { what: format!("topic {topic}") })?);
        }
        match told.into_keys().next() {
            None => Ok(all),
            Some(name) => {
                Err(ProtocolError::Unasked { what: format!("topic {name:?}"), how: "unasked" }.into())
            }
        }
    }
}

fn settings(result: DescribeConfigsResult) -> Result<TopicSettings, Code> {
    if let Some(code) = Code::of(result.error_code) {
        return Err(code);
    }
    let mut settings = TopicSettings::default();
    for entry in result.configs {
        let Some(value) = entry.value.filter(|_| !entry.is_sensitive) else { continue };
        if entry.config_source == SET_ON_THE_TOPIC {
            settings.set.insert(entry.name.to_string(), value.to_string());
        }
        settings.effective.insert(entry.name.to_string(), value.to_string());
    }
    Ok(settings)
}
