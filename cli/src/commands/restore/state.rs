//! `firnline restore --state`: what the cluster was, as commands of Kafka's own tools. They are printed and never run: which
//! of them fit the cluster that is to be, only a person knows.

use firnline_index::TimestampMs;
use firnline_index::cluster_state::{Acls, GroupOffsets, TopicConfigs};
use firnline_tier::Tier;

use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::Out;
use crate::units::show_time;

/// Prints it all: topics first, then access rules, then groups' offsets.
pub(super) async fn show(tier: &Tier, bootstrap: &str, out: &mut Out) -> Result<Exit> {
    let topics = tier.read_state::<TopicConfigs>().await.map_err(of::cluster)?;
    let acls = tier.read_state::<Acls>().await.map_err(of::cluster)?;
    let groups = tier.read_state::<GroupOffsets>().await.map_err(of::cluster)?;
    if topics.is_none() && acls.is_none() && groups.is_none() {
        let what = "the bucket holds no state of the cluster: no sidecar has written any";
        return Err(Failure::new(&codes::NO_OBJECT, what)
            .help("`firnline policy show` and `firnline ls` tell the topics that have records here")
            .into());
    }
    if let Some(dated) = topics {
        head("topics", dated.taken_at, out)?;
        for (name, topic) in &dated.state.topics {
            let mut line = format!(
                "kafka-topics.sh --bootstrap-server {bootstrap} --create --topic {} --partitions {} --replication-factor {}",
                word(name.as_str()),
                topic.partitions,
                topic.replicas.max(1),
            );
            for (key, value) in &topic.configs {
                line.push_str(&format!(" --config {}", word(&format!("{key}={value}"))));
            }
            out.line(line)?;
        }
    }
    if let Some(dated) = acls {
        head("access rules", dated.taken_at, out)?;
        for acl in &dated.state.bindings {
            out.line(rule(acl, bootstrap))?;
        }
    }
    if let Some(dated) = groups {
        head("groups' offsets, as files for --from-file (topic,partition,offset)", dated.taken_at, out)?;
        for (group, committed) in &dated.state.groups {
            out.line(format!(
                "kafka-consumer-groups.sh --bootstrap-server {bootstrap} --group {} --reset-offsets --execute --from-file /dev/stdin <<'END'",
                word(group)
            ))?;
            for offset in committed {
                out.line(format!("{},{},{}", offset.topic, offset.partition, offset.offset))?;
            }
            out.line("END")?;
        }
    }
    Ok(Exit::Fine)
}

fn head(what: &str, at: TimestampMs, out: &mut Out) -> Result<()> {
    out.line(format!("# {what}, as of {}", show_time(at)))
}

fn rule(acl: &firnline_index::cluster_state::AclBinding, bootstrap: &str) -> String {
    let resource = match acl.resource_type.as_str() {
        "TOPIC" => format!("--topic {}", word(&acl.resource_name)),
        "GROUP" => format!("--group {}", word(&acl.resource_name)),
        "CLUSTER" => "--cluster".to_owned(),
        "TRANSACTIONAL_ID" => format!("--transactional-id {}", word(&acl.resource_name)),
        "DELEGATION_TOKEN" => format!("--delegation-token {}", word(&acl.resource_name)),
        "USER" => format!("--user-principal {}", word(&acl.resource_name)),
        other => format!("--{} {}", other.to_ascii_lowercase(), word(&acl.resource_name)),
    };
    let (verb, host) = match acl.permission.as_str() {
        "DENY" => ("deny", "deny"),
        _ => ("allow", "allow"),
    };
    format!(
        "kafka-acls.sh --bootstrap-server {bootstrap} --add --{verb}-principal {} --{host}-host {} --operation {} \
         --resource-pattern-type {} {resource}",
        word(&acl.principal),
        word(&acl.host),
        camel(&acl.operation),
        acl.pattern_type.to_ascii_lowercase(),
    )
}

/// `DESCRIBE_CONFIGS` as Kafka's tool takes it: `DescribeConfigs`.
fn camel(words: &str) -> String {
    let one = |word: &str| {
        let lower = word.to_ascii_lowercase();
        let mut chars = lower.chars();
        chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
    };
    words.split('_').map(one).collect()
}

/// A word of a shell, quoted wherever it is more than plain letters: names come from outside.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-=,:/@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_leaves_its_quotes() {
        assert_eq!(word("orders.eu-1"), "orders.eu-1");
        assert_eq!(word("a b"), "'a b'");
        assert_eq!(word("x'; rm -rf / #"), r"'x'\''; rm -rf / #'");
        assert_eq!(word(""), "''");
        assert_eq!(word("*"), "'*'");
    }

    #[test]
    fn a_rule_is_as_kafkas_own_tool_takes_it() {
        let acl = firnline_index::cluster_state::AclBinding {
            resource_type: "TOPIC".into(),
            resource_name: "pay".into(),
            pattern_type: "PREFIXED".into(),
            principal: "User:alice".into(),
            host: "*".into(),
            operation: "DESCRIBE_CONFIGS".into(),
            permission: "DENY".into(),
        };
        assert_eq!(
            rule(&acl, "b:9092"),
            "kafka-acls.sh --bootstrap-server b:9092 --add --deny-principal User:alice --deny-host '*' \
             --operation DescribeConfigs --resource-pattern-type prefixed --topic pay"
        );
    }
}
