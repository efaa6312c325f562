//! From what the sidecars have left in the bucket to a page: what is known where none of them can be asked.

use std::collections::BTreeMap;
use std::time::Duration;

use firnline_index::TopicIdPartition;
use firnline_index::summary::{NodeSummary, PartitionSummary};

use super::fact::{Fact, Subject, Urgency};
use super::page::{Lag, Pins, Source, StatusPage};
use crate::failure::codes::{self, Code};
use crate::units::{bytes, count, seconds};

/// A summary older than this is no word of how things are. Sidecars write one at least every ten minutes.
const OLD: Duration = Duration::from_secs(15 * 60);

/// A node of which nothing can be read, and why.
#[derive(Debug)]
pub struct Unread {
    /// The node.
    pub node: i32,
    /// Why.
    pub why: String,
}

/// The page of all summaries. A partition is told of by several nodes: what is lost counts once, what waits counts for each.
pub fn of_bucket(
    cluster_id: String,
    summaries: &[&NodeSummary],
    unread: Vec<Unread>,
    now_ms: i64,
) -> StatusPage {
    let mut page = StatusPage {
        v: 1,
        kind: "status".to_owned(),
        source: Source::Bucket,
        cluster_id,
        nodes: summaries.iter().map(|summary| summary.node.get()).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at_ms: summaries.iter().map(|summary| summary.written_at.get()).min().unwrap_or(now_ms),
        partitions: 0,
        lag: Lag::default(),
        pins: Pins::default(),
        gaps: 0,
        dead_branches: 0,
        findings: None,
        encrypted: None,
        done: None,
        by_code: BTreeMap::new(),
        facts: Vec::new(),
    };
    let unread = unread.into_iter().map(|Unread { node, why }| silent(node, format!("its summary: {why}")));
    page.tell(unread);
    if page.nodes.is_empty() && page.facts.is_empty() {
        page.tell([Fact {
            code: codes::NO_SIDECAR.id.to_owned(),
            urgency: Urgency::Trouble,
            subject: Subject::Tier,
            text: "no summary in this tier".to_owned(),
            lag_bytes: 0,
            command: None,
        }]);
    }
    let pages = codes::all();
    // By topic id and partition: gaps and dead branches as the newest manifest tells.
    let mut lost: BTreeMap<(String, i32), (u64, &PartitionSummary)> = BTreeMap::new();
    for summary in summaries {
        let age = Duration::from_millis(
            u64::try_from(now_ms.saturating_sub(summary.written_at.get())).unwrap_or(0),
        );
        if age > OLD {
            page.tell([silent(summary.node.get(), format!("its summary is {} old", seconds(age)))]);
        }
        for partition in &summary.partitions {
            page.pins.bytes = page.pins.bytes.saturating_add(partition.pinned_bytes.get());
            page.pins.sole_link_bytes =
                page.pins.sole_link_bytes.saturating_add(partition.sole_link_bytes.get());
            let generation = partition.tier.map_or(0, |marks| marks.generation);
            let place = (partition.tip.topic_id.to_string(), partition.tip.partition.get());
            let newest = lost.entry(place).or_insert((generation, partition));
            if generation > newest.0 {
                *newest = (generation, partition);
            }
        }
        page.tell(kept_alone(summary));
        page.tell(summary.partitions.iter().filter_map(|partition| waiting(summary, partition, &pages)));
    }
    page.partitions = lost.len() as u64;
    for (_, partition) in lost.values() {
        page.gaps += u64::from(partition.gaps);
        page.dead_branches += u64::from(partition.dead_branches);
    }
    page.tell(lost.values().flat_map(|(_, partition)| losses(partition)));
    page
}

/// What a node's pins alone hold: it stands nowhere else on that machine, and perhaps nowhere else at all.
fn kept_alone(summary: &NodeSummary) -> Option<Fact> {
    let alone = |partition: &&PartitionSummary| partition.sole_link_bytes.get() > 0;
    let sum = summary.partitions.iter().filter(alone).map(|partition| partition.sole_link_bytes.get());
    let (partitions, sole) = sum.fold((0_u64, 0_u64), |(n, sum), one| (n + 1, sum.saturating_add(one)));
    (partitions > 0).then(|| Fact {
        code: codes::ALONE.id.to_owned(),
        urgency: Urgency::Held,
        subject: Subject::Node(summary.node.get()),
        text: format!("pins alone hold {} of {} partitions", bytes(sole), count(partitions)),
        lag_bytes: sole,
        command: None,
    })
}

fn silent(node: i32, text: String) -> Fact {
    Fact {
        code: codes::SILENT.id.to_owned(),
        urgency: Urgency::AtRisk,
        subject: Subject::Node(node),
        text,
        lag_bytes: 0,
        command: None,
    }
}

fn waiting(summary: &NodeSummary, partition: &PartitionSummary, pages: &[Code]) -> Option<Fact> {
    let waiting = partition.waiting?;
    let id = format!("FIRN-O{:03}", waiting.code);
    let page = pages.iter().find(|page| page.id == id);
    let title = page.map_or("a reason that this build does not know", |page| page.title);
    let since = summary.written_at.get().saturating_sub(waiting.since.get());
    let since = Duration::from_millis(u64::try_from(since).unwrap_or(0));
    Some(Fact {
        urgency: urgency(waiting.code.get()),
        code: id,
        subject: subject(&partition.tip),
        text: format!("{title}, on node {} for {}", summary.node, seconds(since)),
        lag_bytes: partition.sole_link_bytes.get(),
        command: None,
    })
}

/// By the hundreds of the offloader's codes, so that a code of a later build finds its place, too.
fn urgency(code: u16) -> Urgency {
    match code {
        400.. => Urgency::Operator,
        300..400 => Urgency::AtRisk,
        200 | 211 | 212 | 220..240 => Urgency::Trouble,
        103 | 120 | 201..300 => Urgency::Held,
        _ => Urgency::Fine,
    }
}

fn losses(partition: &PartitionSummary) -> impl Iterator<Item = Fact> {
    let subject = subject(&partition.tip);
    let fact = move |code: &str, text: String| Fact {
        code: code.to_owned(),
        urgency: Urgency::Lost,
        subject: subject.clone(),
        text,
        lag_bytes: 0,
        command: None,
    };
    let gaps = (partition.gaps > 0)
        .then(|| fact(codes::GAPS.id, format!("{} ranges recorded as lost", partition.gaps)));
    let dead = (partition.dead_branches > 0)
        .then(|| fact(codes::DEAD_BRANCHES.id, format!("{} dead branches", partition.dead_branches)));
    gaps.into_iter().chain(dead)
}

fn subject(tip: &TopicIdPartition) -> Subject {
    Subject::Partition {
        topic: tip.topic.to_string(),
        topic_id: tip.topic_id.to_string(),
        partition: tip.partition.get(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use firnline_index::summary::{TierMarks, Waiting};
    use firnline_index::{
        ByteCount, ClusterId, Incarnation, NodeId, Offset, PartitionIndex, TimestampMs, TopicId, TopicName,
    };

    use super::*;
    use crate::exit::Exit;

    const NOW: i64 = 1_700_000_000_000;

    fn summary(node: i32, age_ms: i64, partitions: Vec<PartitionSummary>) -> NodeSummary {
        NodeSummary {
            cluster_id: ClusterId::new("c").unwrap(),
            node: NodeId::new(node).unwrap(),
            incarnation: Incarnation::from_bytes([1; 16]),
            sequence: 1,
            written_at: TimestampMs::new(NOW - age_ms).unwrap(),
            partitions,
        }
    }

    fn partition(generation: u64, gaps: u32, code: Option<u16>) -> PartitionSummary {
        let tip = TopicIdPartition {
            topic: TopicName::new("orders").unwrap(),
            topic_id: TopicId::from_bytes([1; 16]),
            partition: PartitionIndex::new(3).unwrap(),
        };
        let at = Offset::ZERO;
        let code = code.and_then(NonZeroU16::new);
        PartitionSummary {
            tier: Some(TierMarks { generation, tier_start: at, serving_start: at, tier_end: at }),
            gaps,
            waiting: code.map(|code| Waiting { code, since: TimestampMs::new(NOW - 5_000).unwrap() }),
            pinned_bytes: ByteCount::new(10),
            ..PartitionSummary::new(tip)
        }
    }

    fn page(summaries: &[NodeSummary]) -> StatusPage {
        of_bucket("c".into(), &summaries.iter().collect::<Vec<_>>(), Vec::new(), NOW)
    }

    #[test]
    fn what_is_lost_counts_once_and_by_the_newest_manifest() {
        let page = page(&[
            summary(1, 0, vec![partition(7, 1, None)]),
            summary(2, 0, vec![partition(9, 2, None)]),
            summary(3, 0, vec![partition(8, 5, None)]),
        ]);
        assert_eq!((page.partitions, page.gaps, page.exit()), (1, 2, Exit::Difference));
        assert_eq!(page.pins.bytes, 30);
    }

    #[test]
    fn an_old_summary_is_a_silent_sidecar() {
        let fresh = page(&[summary(1, 60_000, vec![partition(1, 0, Some(220))])]);
        assert_eq!((fresh.facts[0].code.as_str(), fresh.exit()), ("FIRN-O220", Exit::Fine));
        assert!(fresh.facts[0].text.contains("on node 1 for "), "{}", fresh.facts[0].text);
        let old = page(&[summary(1, 3_600_000, Vec::new())]);
        assert_eq!((old.facts[0].code.as_str(), old.exit()), ("FIRN-O700", Exit::Environment));
    }

    #[test]
    fn what_pins_alone_hold_is_told_of_each_node() {
        let held =
            |bytes| PartitionSummary { sole_link_bytes: ByteCount::new(bytes), ..partition(1, 0, None) };
        let page = page(&[summary(1, 0, vec![held(4 << 20)]), summary(2, 0, vec![held(0)])]);
        let [fact] = &page.facts[..] else { panic!("{page:?}") };
        assert_eq!((fact.code.as_str(), fact.subject.to_string().as_str()), ("FIRN-O234", "node 1"));
        assert!(fact.text.contains("4.00 MiB of 1 partitions"), "{}", fact.text);
        assert_eq!((page.pins.sole_link_bytes, page.exit()), (4 << 20, Exit::Fine));
    }

    #[test]
    fn no_summary_at_all_cannot_tell() {
        assert_eq!(page(&[]).exit(), Exit::Environment);
    }

    #[test]
    fn a_code_of_a_later_build_is_told_all_the_same() {
        let page = page(&[summary(1, 0, vec![partition(1, 0, Some(599))])]);
        assert_eq!((page.facts[0].code.as_str(), page.facts[0].urgency), ("FIRN-O599", Urgency::Operator));
    }
}
