//! `firnline decommission`

use std::collections::HashMap;
use std::path::PathBuf;

use firnline_index::batch::BatchLimits;
use firnline_index::manifest::{Coverage, Manifest};
use firnline_index::{OffsetRange, PartitionIndex, TopicId, TopicIdPartition};
use firnline_logdir::{PinContent, PinDir, PinName, RootListing, SidecarLock, SidecarLockError, pin_epochs};
use firnline_tier::{KnownTopic, Tier};

use super::context::Context;
use super::offload::log_dirs;
use super::word::{Word, unconfirmed};
use crate::args::{DecommissionArgs, GlobalArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;
use crate::units::{bytes, count};

/// What lets a pin go without loss, or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// Kafka has the file, too.
    Kafka,
    /// The tier has its bytes, with the same leader epochs; or they lie below what the tier keeps.
    Tier,
    /// It holds no batch.
    Empty,
    /// It may be all there is.
    Alone(String),
}

impl Standing {
    fn word(&self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Tier => "tier",
            Self::Empty => "empty",
            Self::Alone(_) => "nowhere_else",
        }
    }
}

/// Proves, then lets go.
pub async fn run(
    args: DecommissionArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let DecommissionArgs { log_dir, lose, word, json } = args;
    let word = Word::of(&word);
    let context = Context::new(global, None, around)?;
    let dirs = log_dirs(log_dir, &context.config)?;
    context.store()?;
    // While a sidecar works here pins come and go.
    let locks = dirs.iter().map(|dir| SidecarLock::take(dir).map_err(held)).collect::<Result<Vec<_>>>()?;
    let tier = context.tier().await?;
    let mut manifests = Manifests::new(&tier).await?;
    let mut pins: Vec<(PathBuf, PinName)> = Vec::new();
    let (mut alone, mut alone_bytes) = (0_u64, 0_u64);
    for dir in &dirs {
        let mut listed = RootListing::read(dir).map_err(unreadable)?;
        // Partition by partition, so that one manifest at a time is held.
        listed.pins.sort_unstable();
        let root = PinDir::open(dir).map_err(unreadable)?;
        for pin in listed.pins {
            // One that is gone meanwhile was nobody's but ours: someone removed it by hand.
            let Some(stat) = root.stat(&pin).map_err(unreadable)? else { continue };
            let standing = if stat.is_sole_link() {
                standing(&tier, &mut manifests, &root, &pin, &stat).await?
            } else {
                Standing::Kafka
            };
            if let Standing::Alone(why) = &standing {
                alone += 1;
                alone_bytes += stat.len;
                show_pin(&manifests, &pin, stat.len, why, json, out)?;
            } else if json {
                show_pin(&manifests, &pin, stat.len, standing.word(), true, out)?;
            }
            pins.push((dir.clone(), pin));
        }
    }
    let go = word == Word::Yes && (alone == 0 || lose);
    if go {
        for dir in &dirs {
            let of_dir: Vec<PinName> =
                pins.iter().filter(|(home, _)| home == dir).map(|(_, pin)| *pin).collect();
            let root = PinDir::open(dir).map_err(unreadable)?;
            root.remove(&of_dir).map_err(unreadable)?;
        }
    }
    drop(locks);
    let outcome = match word {
        // Confirmed, and refused for what would be lost.
        Word::Yes if !go => Word::Missing.outcome(),
        word => word.outcome(),
    };
    sum(pins.len() as u64, alone, alone_bytes, outcome, json, out)?;
    out.flush()?;
    match word {
        Word::Yes if !go => {
            let what = format!("{alone} pins hold {} that may be nowhere else", bytes(alone_bytes));
            Err(Failure::new(&codes::WOULD_LOSE, what).into())
        }
        Word::Missing => Err(unconfirmed(&format!("{} pins would be released", pins.len())).into()),
        Word::Yes | Word::DryRun => Ok(Exit::Fine),
    }
}

fn held(error: SidecarLockError) -> crate::failure::Stop {
    let code = match &error {
        SidecarLockError::Held { .. } => &codes::SECOND_SIDECAR,
        SidecarLockError::Io(_) => &codes::LOG_DIR,
    };
    Failure::new(code, error.to_string())
        .help("end the sidecar first: systemctl stop firnline-offload")
        .into()
}

fn unreadable(error: firnline_logdir::IoProblem) -> Failure {
    Failure::new(&codes::LOG_DIR, "look at the pins").caused_by(error)
}

async fn standing(
    tier: &Tier,
    manifests: &mut Manifests<'_>,
    root: &PinDir,
    pin: &PinName,
    stat: &firnline_logdir::PinStat,
) -> Result<Standing> {
    let path = root.path_of(pin);
    let limits = BatchLimits::default();
    let content = match PinContent::read(&path, pin.base, stat, &limits) {
        Ok(content) => content,
        Err(error) => return Ok(Standing::Alone(format!("it cannot be read: {error}"))),
    };
    if content.end <= pin.base {
        return Ok(match content.torn {
            0 => Standing::Empty,
            torn => Standing::Alone(format!("{torn} bytes that are no batch")),
        });
    }
    let range = OffsetRange::new(pin.base, content.end).expect("the end was compared with the base");
    let epochs = match pin_epochs(&path, pin.base, stat, &limits) {
        Ok(epochs) => epochs,
        Err(error) => return Ok(Standing::Alone(format!("its batches cannot all be read: {error}"))),
    };
    let Some(manifest) = manifests.of(pin).await? else {
        return Ok(Standing::Alone(format!("offsets {range}, of a partition that the tier does not have")));
    };
    if manifest.floor.is_some_and(|floor| content.end <= floor) {
        return Ok(Standing::Tier);
    }
    Ok(match tier.covers(manifest, range, &epochs).await.map_err(of::read)? {
        Coverage::Whole => Standing::Tier,
        Coverage::Missing { from } => {
            Standing::Alone(format!("offsets {range}, which the tier lacks from {from}"))
        }
        Coverage::Other { at, .. } => {
            Standing::Alone(format!("offsets {range}, where the tier has another history from {at}"))
        }
    })
}

/// The manifest of the partition that is looked at.
struct Manifests<'a> {
    tier: &'a Tier,
    topics: HashMap<TopicId, KnownTopic>,
    read: Option<((TopicId, PartitionIndex), Option<Manifest>)>,
}

impl<'a> Manifests<'a> {
    async fn new(tier: &'a Tier) -> Result<Self> {
        let topics = tier.topics().await.map_err(of::list)?;
        let topics = topics.into_iter().map(|topic| (topic.topic_id, topic)).collect();
        Ok(Self { tier, topics, read: None })
    }

    async fn of(&mut self, pin: &PinName) -> Result<Option<&Manifest>> {
        let place = (pin.topic_id, pin.partition);
        if self.read.as_ref().is_none_or(|(read, _)| *read != place) {
            let manifest = match self.topics.get(&pin.topic_id) {
                Some(KnownTopic { topic, topic_id }) => {
                    let (topic, topic_id) = (topic.clone(), *topic_id);
                    let tip = TopicIdPartition { topic, topic_id, partition: pin.partition };
                    self.tier.manifest(&tip).await.map_err(of::read)?.map(|loaded| loaded.manifest)
                }
                None => None,
            };
            self.read = Some((place, manifest));
        }
        Ok(self.read.as_ref().and_then(|(_, manifest)| manifest.as_ref()))
    }

    fn name(&self, pin: &PinName) -> String {
        let topic = self.topics.get(&pin.topic_id);
        let topic = topic.map_or_else(|| pin.topic_id.to_string(), |topic| topic.topic.to_string());
        format!("{topic}/{}", pin.partition)
    }
}

fn show_pin(
    manifests: &Manifests<'_>,
    pin: &PinName,
    len: u64,
    text: &str,
    json: bool,
    out: &mut Out,
) -> Result<()> {
    let sheet = Sheet::new("pin")
        .with("partition", manifests.name(pin))
        .with("base_offset", pin.base)
        .with("pin", pin.to_string())
        .with("log_bytes", Cell::Bytes(len))
        .with("text", text);
    if json {
        return sheet.show(true, out);
    }
    out.line(format!("{}  {}  {text}", manifests.name(pin), bytes(len)))
}

fn sum(
    pins: u64,
    alone: u64,
    alone_bytes: u64,
    outcome: &'static str,
    json: bool,
    out: &mut Out,
) -> Result<()> {
    if json {
        return Sheet::new("decommission")
            .with("pins", Cell::Count(pins))
            .with("nowhere_else", Cell::Count(alone))
            .with("nowhere_else_bytes", Cell::Bytes(alone_bytes))
            .with("outcome", outcome)
            .show(true, out);
    }
    out.line(format!(
        "{} pins: {} of them, {}, may be nowhere else{}",
        count(pins),
        count(alone),
        bytes(alone_bytes),
        if outcome == "done" { "; all are released" } else { "" }
    ))
}
