//! From what a sidecar tells of itself to a page.

use std::collections::BTreeMap;
use std::path::PathBuf;

use firnline_index::TopicIdPartition;
use firnline_offloader::sidecar::{PartitionStatus, Severity, Status, StatusTotals};
use firnline_offloader::{OpenProducer, Space};

use super::fact::{Fact, Subject, Urgency};
use super::page::{Counts, Encrypted, Lag, Pins, Source, StatusPage};
use crate::failure::codes::{self, Code};
use crate::units::bytes;

/// What the page needs beside the status itself.
#[derive(Debug, Clone)]
pub struct Beside {
    /// The cluster.
    pub cluster_id: String,
    /// The broker.
    pub node: i32,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
    /// The disks.
    pub space: Vec<Space>,
    /// What could not be read or pinned at the last look, with the reason.
    pub problems: Vec<(PathBuf, String)>,
    /// What was done.
    pub done: Counts,
    /// A broker to name in commands.
    pub bootstrap: String,
}

/// The page.
pub fn of_sidecar(status: &Status, beside: Beside) -> StatusPage {
    let Status { partitions, totals, pressure, host_error, cluster_error, encrypted } = status;
    let StatusTotals { lag_bytes, lag_segments, lag_max, exposed_max, pinned_bytes, sole_link_bytes, counts } =
        *totals;
    let Beside { cluster_id, node, now_ms, space, problems, done, bootstrap } = beside;
    let mut page = StatusPage {
        v: 1,
        kind: "status".to_owned(),
        source: Source::Sidecar,
        cluster_id,
        nodes: vec![node],
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at_ms: now_ms,
        partitions: partitions.len() as u64,
        lag: Lag {
            bytes: lag_bytes,
            segments: Some(lag_segments),
            seconds: Some(lag_max.as_secs_f64()),
            recovery_point_seconds: Some(exposed_max.as_secs_f64()),
        },
        encrypted: Some(Encrypted::of(encrypted.iter().map(ToString::to_string))),
        pins: Pins {
            bytes: pinned_bytes,
            sole_link_bytes,
            disk_free_bytes: space.iter().map(|disk| disk.free).min(),
        },
        gaps: partitions.iter().map(|partition| u64::from(partition.gaps)).sum(),
        dead_branches: partitions.iter().map(|partition| u64::from(partition.dead_branches)).sum(),
        findings: Some(counts.scrub_findings),
        done: Some(done),
        by_code: BTreeMap::new(),
        facts: Vec::new(),
    };
    let of_node = |code: &Code, urgency, text: String| Fact {
        code: code.id.to_owned(),
        urgency,
        subject: Subject::Node(node),
        text,
        lag_bytes: 0,
        command: None,
    };
    let host = host_error.iter().map(|error| of_node(&codes::HOST, Urgency::Trouble, error.to_string()));
    let cluster = cluster_error
        .iter()
        .map(|error| of_node(&codes::BROKERS_SILENT, Urgency::Trouble, error.to_string()));
    let problems = problems
        .iter()
        .map(|(path, why)| of_node(&codes::UNPINNED, Urgency::AtRisk, format!("{}: {why}", path.display())));
    page.tell(host.chain(cluster).chain(problems));
    if *pressure {
        let free =
            page.pins.disk_free_bytes.map_or_else(String::new, |free| format!("; {} are free", bytes(free)));
        let text = format!("pins alone hold {}{free}", bytes(sole_link_bytes));
        page.tell([of_node(&codes::PRESSURE, Urgency::AtRisk, text)]);
    }
    if counts.pins_gave_way > 0 {
        let text = format!("{} pins gave way since the start", counts.pins_gave_way);
        page.tell([of_node(&codes::GAVE_WAY, Urgency::AtRisk, text)]);
    }
    if counts.scrub_findings > 0 {
        let text =
            format!("{} findings since the start; `firnline verify` names them", counts.scrub_findings);
        page.tell([of_node(&codes::FINDINGS, Urgency::Lost, text)]);
    }
    page.tell(partitions.iter().flat_map(|partition| of_partition(partition, &bootstrap)));
    page
}

fn of_partition<'a>(status: &'a PartitionStatus, bootstrap: &'a str) -> impl Iterator<Item = Fact> + 'a {
    let fact = |code: &str, urgency, text: String, command| Fact {
        code: code.to_owned(),
        urgency,
        subject: subject(&status.tip),
        text,
        lag_bytes: status.lag_bytes,
        command,
    };
    let mut text = status.wait.to_string();
    // What went wrong last says more than that it is tried again, unless it is the reason itself.
    if let Some(error) = status.last_error.as_ref().filter(|error| !text.contains(&***error)) {
        text.push_str(&format!(" (last: {error})"));
    }
    let wait = fact(status.wait.code(), urgency(status.wait.severity()), text, None);
    let gaps = (status.gaps > 0).then(|| {
        fact(codes::GAPS.id, Urgency::Lost, format!("{} ranges recorded as lost", status.gaps), None)
    });
    let dead = (status.dead_branches > 0).then(|| {
        fact(codes::DEAD_BRANCHES.id, Urgency::Lost, format!("{} dead branches", status.dead_branches), None)
    });
    let hanging = status.hanging.iter().map(move |open| {
        let text = hanging_text(open, status);
        fact(codes::HANGING.id, Urgency::Trouble, text, Some(abort_command(&status.tip, open, bootstrap)))
    });
    [Some(wait), gaps, dead].into_iter().flatten().chain(hanging)
}

fn hanging_text(open: &OpenProducer, status: &PartitionStatus) -> String {
    let last = firnline_index::TimestampMs::new(open.last_timestamp_ms).map(crate::units::show_time);
    let behind = status.high_watermark.map_or(0, |hw| hw.get().saturating_sub(open.start_offset.get()));
    format!(
        "producer {} (epoch {}) has a transaction open from offset {}, {behind} offsets behind it; it last wrote {}",
        open.producer_id,
        open.producer_epoch,
        open.start_offset,
        last.unwrap_or_else(|_| "at an unknown time".to_owned())
    )
}

/// Kafka's own command. We never abort a transaction ourselves: only the operator knows that its producer is gone.
fn abort_command(tip: &TopicIdPartition, open: &OpenProducer, bootstrap: &str) -> String {
    format!(
        "kafka-transactions.sh --bootstrap-server {bootstrap} abort --topic {} --partition {} --start-offset {}",
        tip.topic, tip.partition, open.start_offset
    )
}

fn subject(tip: &TopicIdPartition) -> Subject {
    Subject::Partition {
        topic: tip.topic.to_string(),
        topic_id: tip.topic_id.to_string(),
        partition: tip.partition.get(),
    }
}

fn urgency(severity: Severity) -> Urgency {
    match severity {
        Severity::Fine => Urgency::Fine,
        Severity::Held => Urgency::Held,
        Severity::Trouble => Urgency::Trouble,
        Severity::AtRisk => Urgency::AtRisk,
        Severity::Operator => Urgency::Operator,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use firnline_index::{LeaderEpoch, NodeId, Offset, OffsetRange, PartitionIndex, TopicId, TopicName};
    use firnline_offloader::sidecar::{BoundReason, OffReason, OperatorReason, Unproven, WaitReason};

    use super::*;
    use crate::exit::Exit;

    fn partition(number: i32, wait: WaitReason) -> PartitionStatus {
        PartitionStatus {
            tip: TopicIdPartition {
                topic: TopicName::new("orders").unwrap(),
                topic_id: TopicId::from_bytes([1; 16]),
                partition: PartitionIndex::new(number).unwrap(),
            },
            leader: None,
            leads: true,
            tier_start: None,
            serving_start: None,
            tier_end: None,
            high_watermark: Some(Offset::new(900).unwrap()),
            log_start: None,
            lag_bytes: 0,
            lag_segments: 0,
            lag: Duration::ZERO,
            pinned_bytes: 0,
            sole_link_bytes: 0,
            exposed: Duration::ZERO,
            gaps: 0,
            dead_branches: 0,
            wait,
            acting: false,
            last_error: None,
            hanging: Vec::new(),
        }
    }

    fn page(partitions: Vec<PartitionStatus>) -> StatusPage {
        page_with(partitions, Vec::new())
    }

    fn page_with(partitions: Vec<PartitionStatus>, problems: Vec<(PathBuf, String)>) -> StatusPage {
        let status = Status { partitions, ..Status::default() };
        let beside = Beside {
            cluster_id: "c".into(),
            node: 1,
            now_ms: 0,
            space: Vec::new(),
            problems,
            done: Counts::default(),
            bootstrap: "b:9092".into(),
        };
        of_sidecar(&status, beside)
    }

    #[test]
    fn every_reason_to_wait_has_a_page() {
        let offset = Offset::ZERO;
        let error: Arc<str> = "so it is".into();
        let operator = [
            OperatorReason::CutTooLarge { at: offset, permille: 500 },
            OperatorReason::CutBelowLogStart { at: offset, log_start: offset },
            OperatorReason::PartsUnknown,
            OperatorReason::MarkedDeleted,
            OperatorReason::OtherHistory { tier_end: offset },
            OperatorReason::ManyTopicsGone { topics: 3 },
            OperatorReason::Manifest { error: error.clone() },
            OperatorReason::Refused { error: error.clone() },
        ];
        let off = [
            OffReason::Policy,
            OffReason::Internal,
            OffReason::Compacted,
            OffReason::Plugin,
            OffReason::Unknown,
        ];
        let bound = [
            BoundReason::NotAsked,
            BoundReason::Unavailable(error.clone()),
            BoundReason::Denied(error.clone()),
            BoundReason::Above { end: offset, high_watermark: offset },
        ];
        let others = [
            WaitReason::Idle,
            WaitReason::NotDue { bytes: 1, due_in: Duration::ZERO },
            WaitReason::Uploader { leader: NodeId::new(1).unwrap() },
            WaitReason::Turn,
            WaitReason::Paused,
            WaitReason::Leader,
            WaitReason::Store { error: error.clone() },
            WaitReason::Key { error: error.clone() },
            WaitReason::Disk { error: error.clone() },
            WaitReason::Rate,
            WaitReason::ClaimRate,
            WaitReason::Pending {
                missing: OffsetRange::new(offset, offset).unwrap(),
                wanted_for: Duration::ZERO,
            },
            WaitReason::Fenced { claimed: LeaderEpoch::new(1).unwrap() },
            WaitReason::Damaged { error },
        ];
        let all = others
            .into_iter()
            .chain(off.into_iter().map(WaitReason::Off))
            .chain(bound.into_iter().map(WaitReason::Bound))
            .chain(operator.into_iter().map(WaitReason::Operator));
        let pages = codes::all();
        for wait in all {
            let found = pages.iter().filter(|page| page.id == wait.code()).count();
            assert_eq!(found, 1, "{} ({})", wait.code(), wait.name());
        }
    }

    #[test]
    fn what_cannot_be_pinned_is_told_with_its_code() {
        let problem = ("/logs/orders-0".into(), "permission denied".to_owned());
        let page = page_with(vec![partition(0, WaitReason::Idle)], vec![problem]);
        let fact = &page.facts[0];
        assert_eq!((fact.code.as_str(), page.exit()), ("FIRN-O233", Exit::Environment));
        assert!(fact.text.contains("/logs/orders-0: permission denied"), "{}", fact.text);
    }

    #[test]
    fn a_hanging_transaction_comes_with_kafkas_own_command() {
        let mut one = partition(3, WaitReason::Idle);
        one.hanging.push(OpenProducer {
            producer_id: 4711,
            producer_epoch: 2,
            coordinator_epoch: 1,
            start_offset: Offset::new(170).unwrap(),
            last_timestamp_ms: 1_700_000_000_000,
        });
        let page = page(vec![one]);
        let [fact] = &page.facts[..] else { panic!("{page:?}") };
        assert!(fact.text.contains("producer 4711") && fact.text.contains("730 offsets"), "{}", fact.text);
        assert_eq!(
            fact.command.as_deref(),
            Some(
                "kafka-transactions.sh --bootstrap-server b:9092 abort --topic orders --partition 3 --start-offset 170"
            )
        );
        assert_eq!(page.exit(), Exit::Fine);
    }

    #[test]
    fn what_is_lost_is_told_besides_what_is_waited_for() {
        let mut lost = partition(1, WaitReason::Store { error: "it is down".into() });
        (lost.gaps, lost.dead_branches) = (2, 1);
        let page = page(vec![lost, partition(2, WaitReason::Idle)]);
        let told: Vec<&str> = page.facts.iter().map(|fact| fact.code.as_str()).collect();
        assert_eq!(told, ["FIRN-O600", "FIRN-O601", "FIRN-O220"]);
        assert_eq!((page.gaps, page.dead_branches, page.exit()), (2, 1, Exit::Difference));
    }

    #[test]
    fn bytes_that_nobody_vouches_for_need_an_operator() {
        let why = Unproven::NoWitness;
        let wait = WaitReason::Operator(OperatorReason::Unproven { end: Offset::ZERO, why });
        let page = page(vec![partition(0, wait)]);
        assert_eq!((page.facts[0].urgency, page.exit()), (Urgency::Operator, Exit::Difference));
    }
}
