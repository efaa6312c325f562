//! The machine beside the broker, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use firnline_index::{OffsetRange, TopicIdPartition};
use firnline_offloader::{GivenWay, HeldPartition, Host, HostError, PinId, Space, Witness};

use super::chains::held;
use super::cluster::place;
use super::{World, offset};
use crate::model::Kafka;

/// Files with their state, by which a change shows, and whether the broker has the partition.
type Fingerprint = (bool, Vec<(u64, u64, bool, bool)>);

fn fingerprint(kafka: &Kafka, node: i32, p: usize) -> Fingerprint {
    let Some(machine) = kafka.nodes.get(&node) else { return (false, Vec::new()) };
    let files = machine.disk.inodes.iter().filter(|(_, file)| file.partition == p);
    let states = files.map(|(number, file)| (*number, file.changes, file.broker, file.sealed));
    (machine.replicas.contains_key(&p), states.collect())
}

/// The host of one node. Several processes may have one each: the disk is the same.
#[derive(Debug)]
pub struct SimHost {
    world: Arc<World>,
    node: i32,
    told: Mutex<BTreeMap<usize, (Fingerprint, Arc<HeldPartition>)>>,
}

impl SimHost {
    /// The host beside the broker `node`.
    pub fn new(world: Arc<World>, node: i32) -> Self {
        Self { world, node, told: Mutex::default() }
    }

    fn may_fail(&self, what: &str) -> Result<(), HostError> {
        if self.world.disk_fails() {
            let cause = "input/output error".into();
            return Err(HostError { what: what.to_owned(), cause });
        }
        Ok(())
    }

    /// What is held of a partition: the same as told last where nothing has changed.
    fn known(&self, kafka: &Kafka, p: usize) -> Option<Arc<HeldPartition>> {
        let now = fingerprint(kafka, self.node, p);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, held)) = told.get(&p)
            && *before == now
        {
            return Some(Arc::clone(held));
        }
        let held = Arc::new(held(&self.world, kafka, self.node, p)?);
        told.insert(p, (now, Arc::clone(&held)));
        Some(held)
    }

    /// Links every file of the broker that has no pin.
    fn pin_new(&self) {
        let mut kafka = self.world.kafka();
        let names: Vec<_> = kafka.partitions.iter().map(|p| p.tip.clone()).collect();
        let Some(machine) = kafka.nodes.get_mut(&self.node) else { return };
        for (number, file) in &mut machine.disk.inodes {
            if file.pin.is_none() && file.broker {
                let TopicIdPartition { topic_id, partition, .. } = &names[file.partition];
                file.pin = Some(format!(".firnline-pin.{topic_id}.{partition}.{:020}.{number}", file.base));
            }
        }
        // A pin without a byte keeps nothing.
        machine.disk.inodes.retain(|_, file| !file.sole_link() || !file.batches.is_empty());
    }
}

impl Host for SimHost {
    fn look(&self) -> Result<Vec<Arc<HeldPartition>>, HostError> {
        self.may_fail("read the log dir")?;
        self.pin_new();
        self.world.watch.looked(self.node, self.world.now_ms());
        let kafka = self.world.kafka();
        Ok((0..kafka.partitions.len()).filter_map(|p| self.known(&kafka, p)).collect())
    }

    fn look_at(&self, tip: &TopicIdPartition) -> Result<Option<Arc<HeldPartition>>, HostError> {
        self.may_fail("read the log dir")?;
        self.pin_new();
        let kafka = self.world.kafka();
        Ok(place(&kafka, tip).and_then(|p| held(&self.world, &kafka, self.node, p)).map(Arc::new))
    }

    fn release(&self, pins: &[PinId]) -> Result<(), HostError> {
        self.may_fail("remove a pin")?;
        self.world.watch.note(|| format!("{} node {}: lets go {pins:?}", self.world.now_ms(), self.node));
        let mut kafka = self.world.kafka();
        for pin in pins {
            let Some(machine) = kafka.nodes.get_mut(&self.node) else { continue };
            let released = machine.disk.unlink_pin(&pin.name);
            if let Some(inode) = released {
                self.world.watch.released(&kafka, &self.world.store, self.node, &inode);
            }
        }
        Ok(())
    }

    fn space(&self) -> Result<Vec<Space>, HostError> {
        let kafka = self.world.kafka();
        let files = kafka.nodes.get(&self.node).into_iter().flat_map(|machine| machine.disk.inodes.values());
        let sole_link = files.filter(|file| file.sole_link()).map(crate::model::Inode::bytes).sum();
        Ok(vec![Space { free: (1 << 30_u64) - sole_link, total: 1 << 30, sole_link }])
    }

    fn given_way(&self) -> Result<Vec<GivenWay>, HostError> {
        let mut kafka = self.world.kafka();
        let tips: Vec<_> = kafka.partitions.iter().map(|p| p.tip.clone()).collect();
        let Some(machine) = kafka.nodes.get_mut(&self.node) else { return Ok(Vec::new()) };
        let gone = std::mem::take(&mut machine.disk.given_way).into_iter();
        Ok(gone
            .filter_map(|(p, base, end)| {
                let TopicIdPartition { topic_id, partition, .. } = tips[p];
                let range = OffsetRange::new(offset(base), offset(end)).ok()?;
                Some(GivenWay { topic_id, partition, range })
            })
            .collect())
    }

    fn remember(&self, witnesses: &[Witness]) -> Result<(), HostError> {
        self.may_fail("write the witness journal")?;
        self.world
            .watch
            .note(|| format!("{} node {}: remembers {witnesses:?}", self.world.now_ms(), self.node));
        let mut kafka = self.world.kafka();
        for witness in witnesses {
            let Some(p) = place(&kafka, &witness.tip) else { continue };
            // A lock on the journal lets one process write. Where two run for a moment, what the other knows less is not written.
            let known = kafka.nodes.get(&self.node).and_then(|machine| machine.disk.witnesses.get(&p));
            let (newest, epoch) = (&witness.newest, witness.newest.epoch);
            if known.is_some_and(|known| known.newest.epoch == epoch && known.newest.bound > newest.bound) {
                continue;
            }
            self.world.watch.remembered(&kafka, p, self.node, witness);
            if let Some(machine) = kafka.nodes.get_mut(&self.node) {
                machine.disk.witnesses.insert(p, witness.clone());
            }
        }
        Ok(())
    }

    fn forget(&self, tips: &[TopicIdPartition]) -> Result<(), HostError> {
        self.world.watch.note(|| format!("{} node {}: forgets {tips:?}", self.world.now_ms(), self.node));
        let mut kafka = self.world.kafka();
        for tip in tips {
            let Some(p) = place(&kafka, tip) else { continue };
            if let Some(machine) = kafka.nodes.get_mut(&self.node) {
                machine.disk.witnesses.remove(&p);
            }
        }
        Ok(())
    }

    fn witnesses(&self) -> Result<Vec<Witness>, HostError> {
        self.may_fail("read the witness journal")?;
        let kafka = self.world.kafka();
        Ok(kafka
            .nodes
            .get(&self.node)
            .map(|m| m.disk.witnesses.values().cloned().collect())
            .unwrap_or_default())
    }
}
