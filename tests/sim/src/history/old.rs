//! A history before the history: so many segments that a manifest's head cannot list them all.

use std::time::Duration;

use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};

use super::{History, NODES};
use crate::model::Content;
use crate::people::Act;
use crate::process::Plan;

/// Segments that a head has room for, with a few left over.
const FULL: usize = 990;
/// Segments that make it spill.
const MORE: usize = 20;

impl History {
    /// Fills a manifest's head, then lets it spill while no replacement of it arrives, and deletes into the page.
    pub(super) async fn grow_old(&mut self) {
        self.grow(FULL);
        self.sleep(Duration::from_secs(600)).await;
        self.grow(MORE);
        let lost = Rule::new(SimFault::LostBefore, When::Always);
        self.world.store.rule(lost.on(&[RequestKind::Update]).key_contains("/manifest"));
        self.sleep(Duration::from_secs(120)).await;
        self.world.store.heal();
        self.sleep(Duration::from_secs(600)).await;
        self.expire_all(FULL + MORE);
        for permille in [300, 600] {
            let tip = self.world.kafka().partitions[0].tip.clone();
            self.people.act(Act::DeleteRecords { tip, permille }, 0, Plan::Live);
            self.sleep(Duration::from_secs(400)).await;
        }
    }

    /// So many files of one batch each.
    fn grow(&self, files: usize) {
        let now_ms = self.world.now_ms();
        let mut kafka = self.world.kafka();
        for _ in 0..files {
            let Some(leader) = kafka.leader(0) else { return };
            kafka.produce(0, leader, Content::Data, 1, true, now_ms);
            for _ in 0..2 {
                (1..=NODES).for_each(|node| kafka.fetch(0, node, now_ms));
            }
            (1..=NODES).for_each(|node| kafka.roll(0, node, now_ms));
        }
    }

    /// All but the newest files of every replica go.
    fn expire_all(&self, files: usize) {
        let now_ms = self.world.now_ms();
        let mut kafka = self.world.kafka();
        for node in 1..=NODES {
            for _ in 0..files {
                if kafka.replica(0, node).is_some_and(|replica| replica.log.files.len() > 3) {
                    kafka.retain(0, node, now_ms);
                }
            }
        }
    }
}
