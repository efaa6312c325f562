//! `[serve]` to a server's settings, and `[[serve.rule]]` to rights.

use firnline_index::NodeId;
use firnline_proxy::serve::{
    Anonymous, Limits, PatternError, Principal, Rights, Rule, ServeSettings, TopicPattern as Topics, Who,
};

use super::count;
use crate::config::sections::{ServeRuleSection, ServeSection};
use crate::config::{Address, Config, Reader};
use crate::failure::{Failure, Result, codes};
use crate::selector::TopicPattern;

/// The settings of a server.
pub fn serve(config: &Config, anonymous: Anonymous) -> ServeSettings {
    let ServeSection {
        listen,
        advertise,
        node_id,
        // Of the process, not of the server.
        http_listen: _,
        limits_connections,
        limits_requests_memory,
        limits_answer_size,
        limits_answers_memory,
        timeout_idle,
        timeout_drain,
        topics_interval,
    } = &config.serve;
    let advertised = advertise.value.as_ref().map(|Address { host, port }| (host.as_str().into(), *port));
    ServeSettings {
        listen: listen.value.0,
        advertised,
        node_id: NodeId::new(count(node_id.value.0)).unwrap_or_else(|_| unreachable!("it is not negative")),
        anonymous,
        limits: Limits {
            connections: count(limits_connections.value.0),
            requests_bytes: limits_requests_memory.value.0,
            answer_bytes: count(limits_answer_size.value.0),
            answers_bytes: limits_answers_memory.value.0,
            idle: timeout_idle.value.0,
            drain: timeout_drain.value.0,
            catalog_age: topics_interval.value.0,
            ..Limits::default()
        },
    }
}

/// Who may read what: the rules of the config, and topics that were typed for whoever does not log in.
pub fn rights(config: &Config, typed: &[TopicPattern]) -> Result<Rights> {
    let mut rules = Vec::new();
    for ServeRuleSection { principal, topics } in &config.serve_rules {
        let who = match &principal.value {
            // The config is refused where it is missing.
            None => continue,
            Some(Reader::Anonymous) => Who::Principal(Principal::Anonymous),
            Some(Reader::AnyUser) => Who::AnyUser,
            Some(Reader::User(name)) => Who::Principal(Principal::User(name.as_str().into())),
        };
        for pattern in &topics.value.0 {
            rules.push(Rule { who: who.clone(), topics: self::topics(pattern)? });
        }
    }
    for pattern in typed {
        rules.push(Rule { who: Who::Principal(Principal::Anonymous), topics: topics(pattern)? });
    }
    Ok(Rights::new(rules))
}

fn topics(pattern: &TopicPattern) -> Result<Topics> {
    let failed = |error: PatternError| {
        Failure::new(&codes::of_server(error.code()), error.to_string()).caused_by(error)
    };
    Ok(Topics::new(pattern.as_str()).map_err(failed)?)
}
