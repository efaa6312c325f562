//! What each question needs by Kafka's access rules: asked with one right short, then with it. The table in
//! `docs/permissions.md` says the same.

use std::sync::Arc;

use firnline_kafka::security::{Login, Security};
use firnline_offloader::{AskError, Cluster as _, KafkaCluster, TopicState};
use firnline_store::Secret;
use firnline_tests::kafka::{ASKED_VERSIONS, Cluster, ClusterOptions, Listener, Rule, VERSIONS};

use super::state::commit;
use super::{ask, client, client_of, eventually, name, produce, run, settings, topic};

const ALICE: &str = "User:alice";

fn cluster(version: &'static str) -> Cluster {
    let mut options = ClusterOptions::single(version);
    options.listeners = vec![Listener { name: "SASL", protocol: "SASL_PLAINTEXT" }];
    let mut set = |key: &str, value: &str| options.properties.push((key.to_owned(), value.to_owned()));
    set("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
    set("super.users", "User:ANONYMOUS");
    set("listener.name.sasl.sasl.enabled.mechanisms", "PLAIN");
    let module = "org.apache.kafka.common.security.plain.PlainLoginModule";
    set("listener.name.sasl.plain.sasl.jaas.config", &format!("{module} required user_alice=\"secret\";"));
    Cluster::start(&options)
}

/// The cluster as `alice` sees it.
fn alice(cluster: &Cluster) -> KafkaCluster {
    let mut settings = settings(&cluster.bootstrap_of("SASL"));
    let password = Arc::new(Secret::from("secret"));
    settings.security = Security { tls: None, login: Some(Login::Plain { user: "alice".into(), password }) };
    KafkaCluster::new(client(settings))
}

/// Asks without the right, with it, and without it again. `asked` answers whether it was let through; the missing right is
/// named where it was not.
async fn needs(
    cluster: &Cluster,
    rule: Rule,
    right: &str,
    mut asked: impl AsyncFnMut() -> Result<(), String>,
) {
    let short = |missing: Result<(), String>| missing.err().filter(|missing| missing == right);
    let refused = asked().await;
    assert_eq!(refused, Err(right.to_owned()), "without any right");
    cluster.allow(rule);
    eventually(right, async || asked().await.ok()).await;
    cluster.forbid(rule);
    eventually("the right to be gone", async || short(asked().await)).await;
}

fn missing<T: std::fmt::Debug>(told: Result<T, AskError>) -> Result<(), String> {
    match told {
        Ok(_) => Ok(()),
        Err(AskError::Denied { missing }) => Err(missing),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn each_question_needs_one_right_and_no_other() {
    for version in ASKED_VERSIONS {
        let cluster = cluster(version);
        cluster.create_topic("orders", 1, &[]);
        produce(&cluster.bootstrap(), "orders", 1);
        run(async {
            let orders = topic(&client_of(&cluster), "orders").await;
            let kafka = alice(&cluster);
            let describe = Rule::describe_topic(ALICE, "orders");
            let right = "DESCRIBE on TOPIC orders";
            needs(&cluster, describe, right, async || {
                match kafka.topics(&[orders.id]).await.expect("topics")[0] {
                    TopicState::Known(_) => Ok(()),
                    // A lost right does not look like a deleted topic.
                    TopicState::Denied => Err(right.to_owned()),
                    ref other => panic!("{other:?}"),
                }
            })
            .await;
            needs(&cluster, describe, right, async || {
                missing(kafka.bounds(&[ask(&orders, 0, None)]).await.remove(0))
            })
            .await;
            needs(&cluster, describe, right, async || {
                missing(kafka.bounds(&[ask(&orders, 0, Some(0))]).await.remove(0))
            })
            .await;
            needs(&cluster, describe, right, async || {
                missing(kafka.stable_offsets(&[ask(&orders, 0, None)]).await.remove(0))
            })
            .await;
            let configs = Rule::describe_configs(ALICE, "orders");
            needs(&cluster, configs, "DESCRIBE_CONFIGS on TOPIC orders", async || {
                missing(kafka.configs(&[name("orders")]).await.remove(0))
            })
            .await;
            let read = Rule::read_topic(ALICE, "orders");
            let bound = ask(&orders, 0, None);
            needs(&cluster, read, "READ on TOPIC orders", async || {
                missing(kafka.open_producers(&bound.tip, bound.leader).await)
            })
            .await;

            // The disaster state. Groups that may not be seen are left out, so the list is short, not refused.
            let rule = Rule::describe_cluster(ALICE);
            let right = "CLUSTER_AUTHORIZATION_FAILED (31)";
            needs(&cluster, rule, right, async || match kafka.client().acls().await {
                Ok(acls) => {
                    assert!(acls.expect("there is an authorizer").iter().all(|acl| acl.principal == ALICE));
                    Ok(())
                }
                Err(error) => Err(error.code().map_or_else(|| panic!("{error:?}"), |code| code.to_string())),
            })
            .await;
            commit(&cluster.bootstrap(), "billing", "orders", 1, "");
            let offsets_seen = async || {
                let told = kafka.client().all_groups().await.expect("all groups");
                assert!(told.missing.is_empty(), "{version}: {:?}", told.missing);
                let seen = told.groups.iter().find(|group| group.id == "billing");
                seen.map(|group| group.committed.len())
            };
            assert_eq!(offsets_seen().await, None, "{version}");
            cluster.allow(Rule::describe_group(ALICE, "billing"));
            eventually("the group, without the offsets in topics we may not see", async || {
                (offsets_seen().await == Some(0)).then_some(())
            })
            .await;
            cluster.allow(describe);
            eventually("its offsets", async || (offsets_seen().await == Some(1)).then_some(())).await;
        });
    }
}

#[test]
fn rules_are_told_in_kafkas_words() {
    let cluster = cluster(VERSIONS[0]);
    cluster.allow(Rule::read_topic(ALICE, "orders"));
    cluster.allow(Rule::describe_group(ALICE, "billing"));
    run(async {
        let client = client_of(&cluster);
        let acls = eventually("both rules", async || {
            client.acls().await.expect("ask").filter(|acls| acls.len() == 2)
        })
        .await;
        let words: Vec<String> = acls
            .iter()
            .map(|acl| {
                let (what, named, how) = (acl.resource_type, &acl.resource_name, acl.pattern_type);
                let (who, from, may) = (&acl.principal, &acl.host, acl.permission);
                format!("{may} {who} from {from} {} on {what} {named} {how}", acl.operation)
            })
            .collect();
        let expected = [
            "ALLOW User:alice from * DESCRIBE on GROUP billing LITERAL",
            "ALLOW User:alice from * READ on TOPIC orders LITERAL",
        ];
        assert_eq!(words, expected);
    });
}
