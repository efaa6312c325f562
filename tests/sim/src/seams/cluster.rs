//! The brokers' answers: true when they were made, old when they arrive, and sometimes none.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use firnline_index::lineage::EpochEnd;
use firnline_index::{Offset, TopicId, TopicIdPartition, TopicName};
use firnline_offloader::{
    AskError, Bound, BoundAsk, Cluster, ClusterError, Leader, OpenProducer, PartitionView, TopicConfigs,
    TopicState, TopicView,
};
use firnline_store::env::RandomExt;

use super::{World, epoch, node_id, offset};
use crate::model::{Kafka, View};

/// The network between sidecars and brokers.
#[derive(Debug, Default)]
pub struct Net {
    /// Milliseconds that a request and its answer take at most, each.
    pub latency_ms: AtomicU64,
    /// Requests in a thousand that get no answer.
    pub lost_permille: AtomicU64,
    /// Answers about leaders in a thousand that are from before the last election.
    pub stale_permille: AtomicU64,
    /// Whether the right to describe topics is taken away.
    pub denied: AtomicBool,
    /// Nodes whose sidecar reaches no broker.
    pub cut_off: Mutex<BTreeMap<i32, bool>>,
    /// Faults met, by name.
    pub faults: Mutex<BTreeMap<&'static str, u64>>,
}

impl Net {
    /// Counts a fault that was met.
    pub fn meet(&self, what: &'static str) {
        *self.faults.lock().expect("nothing panics while it holds this").entry(what).or_default() += 1;
    }

    /// Whether it was met in this history.
    pub fn has_met(&self, what: &str) -> bool {
        self.faults.lock().expect("nothing panics while it holds this").contains_key(what)
    }

    /// Cuts the sidecar of a node off from all brokers, or joins it again.
    pub fn cut_off(&self, node: i32, off: bool) {
        self.cut_off.lock().expect("nothing panics while it holds this").insert(node, off);
    }

    fn is_cut_off(&self, node: i32) -> bool {
        self.cut_off.lock().expect("nothing panics while it holds this").get(&node).copied().unwrap_or(false)
    }

    /// Everybody reaches everybody, at once.
    pub fn heal(&self) {
        self.lost_permille.store(0, Ordering::Relaxed);
        self.stale_permille.store(0, Ordering::Relaxed);
        self.denied.store(false, Ordering::Relaxed);
        self.cut_off.lock().expect("nothing panics while it holds this").clear();
    }
}

/// The cluster as the sidecar of one node reaches it.
#[derive(Debug)]
pub struct SimCluster {
    world: Arc<World>,
    node: i32,
}

impl SimCluster {
    /// For the sidecar beside `node`.
    pub fn new(world: Arc<World>, node: i32) -> Self {
        Self { world, node }
    }

    async fn travel(&self) {
        let limit = self.world.net.latency_ms.load(Ordering::Relaxed);
        let ms = self.world.random.below(limit + 1);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    fn chance(&self, of: &AtomicU64) -> bool {
        let permille = of.load(Ordering::Relaxed);
        permille > 0 && self.world.random.below(1000) < permille
    }

    /// Whether a request gets lost.
    fn lost(&self) -> bool {
        let lost = self.world.net.is_cut_off(self.node) || self.chance(&self.world.net.lost_permille);
        if lost {
            self.world.net.meet("broker-no-answer");
        }
        lost
    }

    fn topic(&self, kafka: &Kafka, id: TopicId, stale: bool) -> TopicState {
        if self.world.net.denied.load(Ordering::Relaxed) {
            self.world.net.meet("right-lost");
            return TopicState::Denied;
        }
        let found = kafka.partitions.iter().find(|p| p.tip.topic_id == id && (p.exists || stale));
        let Some(partition) = found else { return TopicState::UnknownId };
        let View { leader, epoch: of, .. } = if stale { &partition.previous } else { &partition.view };
        let leader = leader.map(|node| Leader { node: node_id(node), epoch: epoch(*of) });
        TopicState::Known(TopicView {
            name: partition.tip.topic.clone(),
            partitions: vec![PartitionView {
                partition: partition.tip.partition,
                leader,
                replicas: partition.replicas.iter().map(|node| node_id(*node)).collect(),
            }],
        })
    }

    fn all_topics(&self, ids: &[TopicId]) -> Vec<TopicState> {
        let stale = self.chance(&self.world.net.stale_permille);
        if stale {
            self.world.net.meet("metadata-stale");
        }
        let kafka = self.world.kafka();
        ids.iter().map(|id| self.topic(&kafka, *id, stale)).collect()
    }

    /// The replica that was asked, if it leads as it was asked to.
    fn leading<T>(
        &self,
        ask: &BoundAsk,
        tell: impl FnOnce(&crate::model::Replica, &crate::model::Disk) -> Result<T, AskError>,
    ) -> Result<T, AskError> {
        if self.world.net.denied.load(Ordering::Relaxed) {
            self.world.net.meet("right-lost");
            return Err(AskError::Denied { missing: "DESCRIBE on TOPIC".to_owned() });
        }
        let kafka = self.world.kafka();
        let p = place(&kafka, &ask.tip).ok_or(AskError::Unknown)?;
        let asked = ask.leader.node.get();
        let broker = kafka.nodes.get(&asked).filter(|broker| broker.alive).ok_or_else(unavailable)?;
        let replica = broker.replicas.get(&p).ok_or(AskError::Unknown)?;
        if !replica.leads(asked) || replica.view.epoch != ask.leader.epoch.get() {
            return Err(AskError::Fenced { asked: ask.leader });
        }
        tell(replica, &broker.disk)
    }

    fn epoch_end(&self, ask: &BoundAsk) -> Result<Option<EpochEnd>, AskError> {
        let Some(of) = ask.epoch_end_of else { return Ok(None) };
        self.leading(ask, |replica, _| {
            let told = replica.log.epoch_end(of.get());
            Ok(told.map(|(known, end)| EpochEnd { epoch: epoch(known), end: offset(end) }))
        })
    }

    fn high_watermark(&self, ask: &BoundAsk) -> Result<Offset, AskError> {
        self.leading(ask, |replica, _| {
            // A new leader does not tell its high watermark before it has caught up with what it took over.
            if replica.high_watermark < replica.leads_from {
                return Err(unavailable());
            }
            Ok(offset(replica.high_watermark))
        })
    }

    fn log_start(&self, ask: &BoundAsk) -> Result<Offset, AskError> {
        self.leading(ask, |replica, _| Ok(offset(replica.log.start)))
    }
}

/// Where a partition stands in the cluster's list.
pub(super) fn place(kafka: &Kafka, tip: &TopicIdPartition) -> Option<usize> {
    kafka.partitions.iter().position(|p| p.tip == *tip)
}

fn unavailable() -> AskError {
    AskError::Unavailable("no answer in time".into())
}

#[async_trait]
impl Cluster for SimCluster {
    async fn topics(&self, ids: &[TopicId]) -> Result<Vec<TopicState>, ClusterError> {
        self.travel().await;
        if self.lost() {
            return Err(ClusterError::Unavailable("no answer in time".into()));
        }
        let told = self.all_topics(ids);
        self.travel().await;
        Ok(told)
    }

    async fn topics_by_several(
        &self,
        ids: &[TopicId],
        brokers: usize,
    ) -> Result<Vec<Vec<TopicState>>, ClusterError> {
        self.travel().await;
        let alive = self.world.kafka().nodes.values().filter(|node| node.alive).count();
        let mut told = Vec::new();
        for _ in 0..alive.min(brokers) {
            if !self.lost() {
                told.push(self.all_topics(ids));
            }
        }
        self.travel().await;
        if told.is_empty() { Err(ClusterError::Unavailable("no answer in time".into())) } else { Ok(told) }
    }

    async fn bounds(&self, asks: &[BoundAsk]) -> Vec<Result<Bound, AskError>> {
        self.travel().await;
        let lost: Vec<bool> = asks.iter().map(|_| self.lost()).collect();
        // Three requests one after the other; anything may happen in between.
        let ends: Vec<_> = asks.iter().map(|ask| self.epoch_end(ask)).collect();
        self.travel().await;
        let latest: Vec<_> = asks.iter().map(|ask| self.high_watermark(ask)).collect();
        self.travel().await;
        let starts: Vec<_> = asks.iter().map(|ask| self.log_start(ask)).collect();
        self.travel().await;
        let told = asks.iter().zip(ends).zip(latest).zip(starts).zip(lost);
        let answers = told.map(|((((ask, epoch_end), high_watermark), log_start), lost)| {
            if lost {
                return Err(unavailable());
            }
            let (epoch_end, high_watermark, log_start) = (epoch_end?, high_watermark?, log_start?);
            Ok(Bound { leader: ask.leader, high_watermark, log_start, epoch_end })
        });
        let answers: Vec<_> = answers.collect();
        for (ask, answer) in asks.iter().zip(&answers) {
            self.world.watch.note(|| {
                let at = self.world.now_ms();
                format!(
                    "{at} node {}: {} asked of {:?} for {:?}: {answer:?}",
                    self.node, ask.tip, ask.leader, ask.epoch_end_of
                )
            });
            if let Ok(bound) = answer {
                self.world.watch.told(&ask.tip, self.node, bound);
            }
        }
        answers
    }

    async fn stable_offsets(&self, asks: &[BoundAsk]) -> Vec<Result<Offset, AskError>> {
        self.travel().await;
        let stable = |ask: &BoundAsk| {
            self.leading(ask, |replica, disk| {
                let first = replica.open_transactions(disk).into_values().min();
                Ok(offset(first.unwrap_or(replica.high_watermark).min(replica.high_watermark)))
            })
        };
        asks.iter().map(|ask| if self.lost() { Err(unavailable()) } else { stable(ask) }).collect()
    }

    async fn open_producers(
        &self,
        tip: &TopicIdPartition,
        leader: Leader,
    ) -> Result<Vec<OpenProducer>, AskError> {
        self.travel().await;
        if self.lost() {
            return Err(unavailable());
        }
        let ask = BoundAsk { tip: tip.clone(), leader, epoch_end_of: None };
        let now_ms = self.world.now_ms();
        self.leading(&ask, |replica, disk| {
            let open = replica.open_transactions(disk).into_iter();
            Ok(open
                .map(|(producer_id, first)| OpenProducer {
                    producer_id,
                    producer_epoch: 0,
                    coordinator_epoch: 0,
                    start_offset: offset(first),
                    last_timestamp_ms: now_ms,
                })
                .collect())
        })
    }

    async fn configs(&self, topics: &[TopicName]) -> Vec<Result<TopicConfigs, AskError>> {
        self.travel().await;
        let lost = self.lost();
        let kafka = self.world.kafka();
        let known = |name: &TopicName| kafka.partitions.iter().any(|p| p.exists && p.tip.topic == *name);
        let told = |name: &TopicName| match known(name) {
            _ if lost => Err(unavailable()),
            true => Ok(TopicConfigs::default()),
            false => Err(AskError::Unknown),
        };
        topics.iter().map(told).collect()
    }
}
