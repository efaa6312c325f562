//! The `server.properties` of a small broker.

use std::path::Path;

use super::Listener;

/// What tells the nodes of a cluster apart.
#[derive(Debug, Clone)]
pub(super) struct NodePorts {
    pub(super) id: u16,
    pub(super) client: u16,
    pub(super) controller: u16,
    /// The ports of the listeners besides, in their order.
    pub(super) others: Vec<u16>,
}

/// The configuration of one node in combined mode: small segments, internal topics with few partitions, and nothing
/// that deletes or rolls by time while a test looks.
pub(super) fn render(
    node: &NodePorts,
    all: &[NodePorts],
    listeners: &[Listener],
    log_dir: &Path,
    extra: &[(String, String)],
) -> String {
    let voters: Vec<String> =
        all.iter().map(|peer| format!("{}@127.0.0.1:{}", peer.id, peer.controller)).collect();
    let (mut protocols, mut others) = (String::new(), String::new());
    for (listener, port) in listeners.iter().zip(&node.others) {
        protocols.push_str(&format!(",{}:{}", listener.name, listener.protocol));
        others.push_str(&format!(",{}://127.0.0.1:{port}", listener.name));
    }
    let replicas = all.len().min(3);
    let in_sync = replicas.min(2);
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id={id}\n\
         controller.quorum.voters={voters}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}\n\
         listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}{others}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{client}{others}\n\
         log.dirs={log_dir}\n\
         log.segment.bytes={segment}\n\
         log.retention.ms=-1\n\
         log.segment.delete.delay.ms=1000\n\
         default.replication.factor={replicas}\n\
         min.insync.replicas={in_sync}\n\
         offsets.topic.replication.factor={replicas}\n\
         offsets.topic.num.partitions=2\n\
         transaction.state.log.replication.factor={replicas}\n\
         transaction.state.log.min.isr={in_sync}\n\
         transaction.state.log.num.partitions=2\n\
         group.initial.rebalance.delay.ms=0\n\
         auto.create.topics.enable=false\n\
         num.io.threads=4\n\
         num.network.threads=2\n\
         log.cleaner.dedupe.buffer.size=4194304\n",
        id = node.id,
        client = node.client,
        controller = node.controller,
        voters = voters.join(","),
        log_dir = log_dir.display(),
        segment = 1024 * 1024,
    );
    for (key, value) in extra {
        text.push_str(key);
        text.push('=');
        text.push_str(value);
        text.push('\n');
    }
    text
}
