//! The first step: the brokers are told.

use std::collections::BTreeMap;

use bytes::Bytes;
use firnline_index::remote_log::{RemoteLogSegment, metadata_partition};
use firnline_index::topic::Attached;
use firnline_index::{ClusterId, Offset, PartitionIndex, TimestampMs, TopicId};
use firnline_kafka::requests::produce::VALUES_PER_REQUEST;
use firnline_tier::attach::AttachPlan;
use firnline_tier::{KnownTopic, Tier};

use super::brokers::{Brokers, silent, unfit};
use super::{Asked, plans, sheet, topic};
use crate::commands::selection::{Selection, usage};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Out, Progress};
use crate::wiring;

/// How often a leader is looked for.
const ATTEMPTS: usize = 5;

pub(super) async fn run(asked: Asked, out: &mut Out) -> Result<Exit> {
    let Asked { context, selector, gaps, dry_run, json } = asked;
    if selector.partition.is_some() {
        return Err(usage(
            "--kip405 without --to takes a whole topic: no part of it may be missing".to_owned(),
        )
        .into());
    }
    let tier = if dry_run { context.tier().await? } else { context.tier_for_writing().await? };
    let (old, attached) = topic(&tier, &selector).await?;
    // The new cluster has an id of its own.
    let client = wiring::kafka(&context.config, &context.around, &context.env, None)?;
    let brokers = Brokers::find(client, &old.topic).await?;
    let new_id = brokers.topic.id;
    refuse_twice(&tier, &old, new_id, attached.as_ref()).await?;
    brokers.check_settings().await?;
    let partitions = Selection::of(selector).partitions_of(&tier, &old).await?;
    let plans = plans(&tier, partitions, gaps).await?;
    match standing(&brokers, &plans, attached.as_ref()).await? {
        Standing::Fresh => {}
        Standing::Attached => {
            out.line(format!("{}@{new_id} is attached already: there is nothing to tell", old.topic))?;
            return Ok(Exit::Fine);
        }
    }
    let progress = Progress::open_ended("open segments");
    let mut told = Vec::with_capacity(plans.len());
    for plan in &plans {
        progress.on(format!("{}/{}", plan.tip.topic, plan.tip.partition));
        told.push(tier.told_of(plan, new_id, || progress.add(1)).await.map_err(of::attach)?);
    }
    drop(progress);
    if !dry_run {
        let cluster_id = brokers.client.cluster_id().unwrap_or_default();
        let why = format!(
            "attached to cluster {cluster_id} as {}@{new_id}: its brokers own the segments and delete them",
            old.topic
        );
        tier.set_attaching(&old, context.said(&why)?).await.map_err(of::cluster)?;
        tell(&brokers, &told, context.now()).await?;
        let attached = Attached {
            cluster_id: ClusterId::new(&cluster_id).map_err(|error| {
                Failure::new(&codes::BROKERS_SILENT, "the brokers tell no cluster id").caused_by(error)
            })?,
            topic_id: new_id,
            at: context.now(),
            ends: plans.iter().map(|plan| (plan.tip.partition, plan.range.end())).collect(),
        };
        tier.set_attached(&old, attached).await.map_err(of::cluster)?;
    }
    for plan in &plans {
        sheet(plan).with("new_topic_id", new_id.to_string()).show(json, out)?;
    }
    if !json {
        out.line(if dry_run {
            "nothing was done (--dry-run)".to_owned()
        } else {
            format!(
                "The brokers know the segments, and own them: deleting topic {0} there deletes them. Now stop all its brokers, \
                 run this with --to LOG_DIR for each log directory that has partitions of it, and start them.",
                old.topic
            )
        })?;
    }
    Ok(Exit::Fine)
}

/// A topic's segments belong to one cluster.
async fn refuse_twice(
    tier: &Tier,
    old: &KnownTopic,
    new_id: TopicId,
    attached: Option<&Attached>,
) -> Result<()> {
    let name = &old.topic;
    let refuse = |what: String| Failure::new(&codes::ATTACHED, what);
    if old.topic_id == new_id {
        let what = format!("the brokers know {name}@{new_id} itself: this is the cluster that it comes from");
        return Err(refuse(what).into());
    }
    if let Some(attached) = attached.filter(|attached| attached.topic_id != new_id) {
        let Attached { cluster_id, topic_id, .. } = attached;
        let what =
            format!("{name}@{} was attached to cluster {cluster_id} as {name}@{topic_id}", old.topic_id);
        return Err(refuse(what).into());
    }
    let known = tier.topics().await.map_err(of::list)?;
    for other in known.iter().filter(|other| other.topic == *name && other.topic_id != old.topic_id) {
        let object = tier.topic_object(other).await.map_err(of::cluster)?;
        let to_it = |attached: &Attached| attached.topic_id == old.topic_id;
        if object.and_then(|object| object.attached).as_ref().is_some_and(to_it) {
            let what = format!(
                "{name}@{} was itself attached: its first segments are those of {name}@{}",
                old.topic_id, other.topic_id
            );
            return Err(refuse(what).into());
        }
    }
    Ok(())
}

/// How far the topic in the new cluster is.
enum Standing {
    /// Nothing was ever written to it.
    Fresh,
    /// Its brokers were told, and its logs begin where the segments end, or will.
    Attached,
}

async fn standing(brokers: &Brokers, plans: &[AttachPlan], attached: Option<&Attached>) -> Result<Standing> {
    let name = &brokers.topic.name;
    let there =
        |partition: &PartitionIndex| brokers.topic.partitions.iter().any(|p| p.partition == *partition);
    let partitions: Vec<PartitionIndex> = plans.iter().map(|plan| plan.tip.partition).collect();
    if partitions.is_empty() {
        return Err(
            Failure::new(&codes::UNKNOWN_TOPIC, format!("the tier has no records of topic {name}")).into()
        );
    }
    if let Some(missing) = partitions.iter().find(|partition| !there(partition)) {
        let has = brokers.topic.partitions.len();
        return Err(unfit(
            name,
            &format!("has {has} partitions, and the tier has records of {name}/{missing}"),
        )
        .into());
    }
    let offsets = brokers.offsets(&partitions).await?;
    if offsets.iter().all(|(start, end)| start.get() == 0 && end.get() == 0) {
        return Ok(Standing::Fresh);
    }
    // Some logs may begin where the segments end already, and others not yet: what was told was told of all.
    let told = |partition: &PartitionIndex, (start, end): &(Offset, Offset)| {
        let of_tier = attached.and_then(|attached| attached.ends.get(partition));
        of_tier.is_some_and(|of_tier| end >= of_tier || (start.get() == 0 && end.get() == 0))
    };
    let other = partitions.iter().zip(&offsets).find(|(partition, offsets)| !told(partition, offsets));
    let Some((partition, (start, end))) = other else { return Ok(Standing::Attached) };
    let what = format!("holds or has held records: {name}/{partition} has offsets {start}..{end}");
    let help = "a topic to which nothing was ever attached may be deleted and made anew; deleting one that something was attached \
                to deletes that";
    Err(unfit(name, &what).help(help).into())
}

/// Tells that each copy has begun, and then that each has ended: events of one kind may come twice.
async fn tell(brokers: &Brokers, told: &[Vec<RemoteLogSegment>], at: TimestampMs) -> Result<()> {
    let partitions = brokers.metadata_partitions()?;
    let progress = Progress::open_ended("tell the brokers");
    for event in [RemoteLogSegment::started, RemoteLogSegment::finished] {
        let mut values: BTreeMap<u16, Vec<Bytes>> = BTreeMap::new();
        for segment in told.iter().flatten() {
            let partition = metadata_partition(&segment.tip, partitions);
            values.entry(partition).or_default().push(event(segment, at).into());
        }
        for (partition, values) in values {
            let partition = PartitionIndex::new(partition.into())
                .map_err(|error| Failure::new(&codes::INTERNAL, "a partition's number").caused_by(error))?;
            for values in values.chunks(VALUES_PER_REQUEST) {
                append(brokers, partition, values, at).await?;
                progress.add(values.len() as u64);
            }
        }
    }
    Ok(())
}

async fn append(
    brokers: &Brokers,
    partition: PartitionIndex,
    values: &[Bytes],
    at: TimestampMs,
) -> Result<()> {
    let mut topic = brokers.told_in.clone();
    let mut attempt = 1;
    loop {
        let (node, _) = brokers.leader(&topic, partition)?;
        let mut lease = brokers.client.lease(node).await.map_err(silent)?;
        let refused = match lease.append(&topic.name, partition, values, at).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(code)) => Failure::new(&codes::NOT_TAKEN, format!("{}/{partition}: {code}", topic.name)),
            Err(error) => Failure::new(&codes::NOT_TAKEN, error.to_string()).caused_by(error),
        };
        if attempt == ATTEMPTS {
            return Err(refused.into());
        }
        attempt += 1;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let known = brokers.client.topics_by_id(&[topic.id]).await.map_err(silent)?;
        if let Some(Ok(known)) = known.into_iter().next() {
            topic = known;
        }
    }
}
