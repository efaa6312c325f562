//! Brokers that die and come back, replicas that come and go, disks that are replaced.

use super::{Kafka, Replica};

impl Kafka {
    /// The broker dies; what it wrote stays.
    pub fn kill(&mut self, node: i32) {
        self.node_mut(node).alive = false;
    }

    /// It comes back, and knows what it knew.
    pub fn start(&mut self, node: i32, now_ms: i64) {
        let broker = self.node_mut(node);
        if std::mem::replace(&mut broker.alive, true) {
            return;
        }
        let gone: Vec<usize> = broker
            .replicas
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .into_iter()
            .filter(|p| self.is_stray(*p, node))
            .collect();
        for p in gone {
            self.drop_replica(p, node);
        }
        for p in 0..self.partitions.len() {
            // A broker that comes back in the same epoch follows; its own old leadership is over.
            if let Some(replica) = self.node_mut(node).replicas.get_mut(&p)
                && replica.leads(node)
            {
                replica.view.leader = None;
            }
            self.learn(p, node, now_ms);
        }
    }

    fn is_stray(&self, p: usize, node: i32) -> bool {
        !self.partitions[p].exists || !self.partitions[p].replicas.contains(&node)
    }

    fn drop_replica(&mut self, p: usize, node: i32) {
        let gone = self.node_mut(node).delete(p);
        self.vanished.extend(gone.into_iter().map(|inode| (node, inode)));
    }

    /// Deletes the topic.
    pub fn delete_topic(&mut self, p: usize) {
        self.partitions[p].exists = false;
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            if self.nodes[&id].alive {
                self.drop_replica(p, id);
            }
        }
    }

    /// Adds an empty replica on another node.
    pub fn add_replica(&mut self, p: usize, node: i32, now_ms: i64) {
        if !self.partitions[p].exists || !self.partitions[p].replicas.insert(node) {
            return;
        }
        let broker = self.node_mut(node);
        let now_ms_there = now_ms + broker.clock_ms;
        let replica = Replica::create(&mut broker.disk, p, 0, now_ms_there);
        broker.replicas.insert(p, replica);
        self.learn(p, node, now_ms);
    }

    /// Removes a replica that neither leads nor is the last in sync.
    pub fn remove_replica(&mut self, p: usize, node: i32) -> bool {
        let partition = &mut self.partitions[p];
        let others = partition.view.isr.iter().any(|id| *id != node);
        if partition.view.leader == Some(node) || !others || !partition.replicas.remove(&node) {
            return false;
        }
        partition.view.isr.remove(&node);
        if self.nodes[&node].alive {
            self.drop_replica(p, node);
        }
        true
    }

    /// The disk is replaced by an empty one. The broker comes back without anything.
    pub fn lose_disk(&mut self, node: i32, now_ms: i64) {
        let broker = self.node_mut(node);
        let disk = std::mem::take(&mut broker.disk);
        let replicas: Vec<usize> = std::mem::take(&mut broker.replicas).into_keys().collect();
        self.vanished.extend(disk.inodes.into_values().map(|inode| (node, inode)));
        for p in replicas {
            if self.is_stray(p, node) {
                continue;
            }
            let broker = self.node_mut(node);
            let now_ms_there = now_ms + broker.clock_ms;
            let replica = Replica::create(&mut broker.disk, p, 0, now_ms_there);
            broker.replicas.insert(p, replica);
            self.partitions[p].view.isr.remove(&node);
            self.learn(p, node, now_ms);
        }
    }
}
