//! `[serve]` to a server's settings, and `[[serve.rule]]` to rights.

use std::path::Path;
use std::sync::Arc;

use firnline_config::wiring::{count, named, open_to_everybody};
use firnline_index::NodeId;
use firnline_proxy::serve::{
    Anonymous, GroupRule, GroupSettings, Limits, PatternError, Principal, Rights, Rule, ServeSettings, Tls,
    TopicPattern as Topics, Users, Who,
};

use crate::config::sections::{ServeRuleSection, ServeSection};
use crate::config::{Address, Config, Reader};
use crate::failure::{Failure, Result, codes, of};
use crate::selector::TopicPattern;
use crate::surroundings::Surroundings;

/// The settings of a server.
pub fn serve(config: &Config, anonymous: Anonymous) -> ServeSettings {
    let ServeSection {
        listen,
        advertise,
        node_id,
        groups_from_saved,
        // How who comes is known: below.
        tls_cert_file: _,
        tls_key: _,
        tls_client_ca_file: _,
        users_file: _,
        login_lifetime: _,
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
        as_of: None,
        groups: GroupSettings { from_saved: groups_from_saved.value, ..GroupSettings::default() },
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

/// How who comes is known, as the files are now.
#[derive(Debug)]
pub struct Doors {
    /// Certificates.
    pub tls: Option<Tls>,
    /// Who may log in.
    pub users: Option<Arc<Users>>,
}

impl Doors {
    /// Whether everybody who comes has a name.
    pub fn ask_who(&self) -> bool {
        self.users.is_some() || self.tls.as_ref().is_some_and(Tls::asks_certificates)
    }
}

/// Reads the files that say who may come.
pub fn doors(config: &Config, around: &Surroundings) -> Result<Doors> {
    let serve = &config.serve;
    let tls = super::tls::listener(
        "serve",
        &serve.tls_cert_file,
        &serve.tls_key,
        &serve.tls_client_ca_file,
        around,
    )?;
    let users = serve.users_file.value.as_ref().map(|path| users(&path.0)).transpose()?;
    Ok(Doors { tls, users })
}

fn users(path: &Path) -> Result<Arc<Users>> {
    let unusable = |why| Failure::new(&codes::SECRET, format!("serve.users_file: {why}"));
    if let Some(why) = open_to_everybody(path).map_err(unusable)? {
        return Err(unusable(why).help(format!("chmod 600 {}", path.display())).into());
    }
    let users = Users::parse(named(path).map_err(of::config)?.text.expose())
        .map_err(|error| of::server(error.code(), error));
    Ok(Arc::new(users?))
}

/// Who may read what: the rules of the config, and topics that were typed for whoever does not log in.
pub fn rights(config: &Config, typed: &[TopicPattern]) -> Result<Rights> {
    let (mut rules, mut used) = (Vec::new(), Vec::new());
    for ServeRuleSection { principal, topics, groups } in &config.serve_rules {
        let who = match &principal.value {
            // The config is refused where it is missing.
            None => continue,
            Some(Reader::Anonymous) => Who::Principal(Principal::Anonymous),
            Some(Reader::AnyUser) => Who::AnyUser,
            Some(Reader::User(name)) => Who::Principal(Principal::User(name.as_str().into())),
        };
        for pattern in &groups.value.0 {
            used.push(GroupRule { who: who.clone(), groups: self::topics(pattern)? });
        }
        for pattern in &topics.value.0 {
            rules.push(Rule { who: who.clone(), topics: self::topics(pattern)? });
        }
    }
    for pattern in typed {
        rules.push(Rule { who: Who::Principal(Principal::Anonymous), topics: topics(pattern)? });
    }
    Ok(Rights::new(rules).with_groups(used))
}

fn topics(pattern: &TopicPattern) -> Result<Topics> {
    let failed = |error: PatternError| {
        Failure::new(&codes::of_server(error.code()), error.to_string()).caused_by(error)
    };
    Ok(Topics::new(pattern.as_str()).map_err(failed)?)
}
