//! What is asked, at random.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dice::Dice;
use crate::image::Image;

/// A partition that can be asked about.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its topic's id.
    pub id: [u8; 16],
    /// Its number.
    pub partition: i32,
    /// The node that leads it, and the epoch under which it does.
    pub leader: (i32, i32),
    /// Its log.
    pub image: Arc<Image>,
}

/// What there is to ask about, and in which versions.
#[derive(Debug, Clone)]
pub struct Scope {
    /// All partitions.
    pub scenes: Vec<Scene>,
    /// All nodes.
    pub nodes: Vec<i32>,
    /// The newest versions of Fetch, ListOffsets and OffsetForLeaderEpoch that the brokers speak.
    pub newest: [i16; 3],
}

/// The oldest versions that are merged with the tier.
pub const OLDEST: [i16; 3] = [4, 1, 2];

/// Which partition of a topic.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its place in the scope; `None` for one that does not exist.
    pub scene: Option<usize>,
    /// The topic's name.
    pub topic: Arc<str>,
    /// The topic's id.
    pub id: [u8; 16],
    /// The partition's number.
    pub partition: i32,
    /// The leader epoch that the client believes in, −1 for none.
    pub epoch: i32,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    /// The node that is asked.
    pub node: i32,
    /// The version in which it is asked.
    pub version: i16,
    /// 0 for all records, 1 for committed ones.
    pub isolation: i8,
    /// What it is about.
    pub about: About,
}

/// What a question is about.
#[derive(Debug, Clone)]
pub enum About {
    /// Records.
    Fetch(Fetch),
    /// Offsets of times, for each target.
    Times(Vec<(Target, i64)>),
    /// Ends of epochs, for each target.
    Epochs(Vec<(Target, i32)>),
}

/// A fetch, or several in one session.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// The most bytes of an answer.
    pub max_bytes: i32,
    /// Whether a session is asked for.
    pub session: bool,
    /// Partitions, and the most bytes of each.
    pub targets: Vec<(Target, i32)>,
    /// The offsets of each round, in the order of the partitions.
    pub rounds: Vec<Vec<i64>>,
}

const SIZES: [i32; 9] = [1, 200, 1000, 4000, 16_000, 64_000, 100_000, 256_000, 1 << 20];

/// The `number`th question of a seed.
pub fn question(seed: u64, number: u64, scope: &Scope) -> Question {
    let mut dice = Dice::new(seed, number + 1000);
    let dice = &mut dice;
    let first = scene(dice, scope);
    let node = if dice.one_in(20) { *dice.pick(&scope.nodes) } else { scope.scenes[first].leader.0 };
    let kind = match dice.below(20) {
        0..=12 => 0,
        13..=17 => 1,
        _ => 2,
    };
    let version =
        if dice.one_in(3) { scope.newest[kind] } else { between(dice, OLDEST[kind], scope.newest[kind]) };
    let isolation = i8::from(dice.one_in(2));
    let count = if dice.one_in(3) { 1 + dice.below(6) } else { 1 };
    let mut scenes = vec![first];
    for _ in 1..count {
        let other = scene(dice, scope);
        // A partition stands once in a request; those of other nodes are another's.
        if !scenes.contains(&other) && (scope.scenes[other].leader.0 == node || dice.one_in(10)) {
            scenes.push(other);
        }
    }
    let targets: Vec<Target> = scenes.into_iter().map(|at| target(dice, scope, at)).collect();
    let about = match kind {
        0 => About::Fetch(fetch(dice, scope, targets, version)),
        1 => About::Times(each(dice, scope, targets, |dice, image| time(dice, image, scope.newest[1]))),
        _ => About::Epochs(each(dice, scope, targets, |dice, _| epoch(dice))),
    };
    Question { node, version, isolation, about }
}

fn each<T>(
    dice: &mut Dice,
    scope: &Scope,
    targets: Vec<Target>,
    mut of: impl FnMut(&mut Dice, Option<&Image>) -> T,
) -> Vec<(Target, T)> {
    let with = |target: Target| {
        let image = target.scene.map(|at| &*scope.scenes[at].image);
        let value = of(dice, image);
        (target, value)
    };
    targets.into_iter().map(with).collect()
}

fn scene(dice: &mut Dice, scope: &Scope) -> usize {
    dice.below(scope.scenes.len())
}

fn between(dice: &mut Dice, from: i16, to: i16) -> i16 {
    let span = usize::try_from(to - from + 1).unwrap_or(1);
    from + i16::try_from(dice.below(span)).unwrap_or(0)
}

fn target(dice: &mut Dice, scope: &Scope, at: usize) -> Target {
    let scene = &scope.scenes[at];
    let epoch = match dice.below(40) {
        0 => scene.leader.1 + 1,
        1 if scene.leader.1 > 0 => scene.leader.1 - 1,
        2..=15 => scene.leader.1,
        _ => -1,
    };
    let mut target = Target {
        scene: Some(at),
        topic: scene.topic.clone(),
        id: scene.id,
        partition: scene.partition,
        epoch,
    };
    match dice.below(100) {
        0 => (target.scene, target.partition) = (None, 1000),
        1 => {
            // By the scene's own number, so that it does not stand twice in a request.
            (target.scene, target.topic, target.id) = (None, "nowhere".into(), [7; 16]);
            target.partition = i32::try_from(at).unwrap_or(0);
        }
        _ => {}
    }
    target
}

fn fetch(dice: &mut Dice, scope: &Scope, targets: Vec<Target>, version: i16) -> Fetch {
    // Sessions came with version 7.
    let session = version >= 7 && dice.one_in(3);
    let targets = targets.into_iter().map(|target| (target, *dice.pick(&SIZES))).collect::<Vec<_>>();
    let round = |dice: &mut Dice| -> Vec<i64> {
        let at = |(target, _): &(Target, i32)| match target.scene {
            Some(scene) => offset(dice, &scope.scenes[scene].image),
            None => 0,
        };
        targets.iter().map(at).collect()
    };
    let rounds = if session { 1 + dice.below(3) } else { 1 };
    let rounds = (0..rounds).map(|_| round(dice)).collect();
    let max_bytes = if dice.one_in(3) { *dice.pick(&SIZES) } else { 50 << 20 };
    Fetch { max_bytes, session, targets, rounds }
}

/// Mostly anywhere in the log, else at a border of a batch, near the end, or outside.
fn offset(dice: &mut Dice, image: &Image) -> i64 {
    match dice.below(20) {
        0 => image.end + dice.offset_below(3),
        1 => image.end + 1 + dice.offset_below(1000),
        2 => image.stable - dice.offset_below(3),
        3 => dice.offset_below(3),
        4 => -1 - dice.offset_below(2),
        5..=8 if !image.batches.is_empty() => {
            let batch = dice.pick(&image.batches);
            batch.base.max(batch.last - dice.offset_below(2)) + dice.offset_below(2)
        }
        _ => dice.offset_below(image.end),
    }
}

/// The first version of ListOffsets whose brokers refuse the numbers that a version does not have.
const REFUSES_NUMBERS: i16 = 8;

fn time(dice: &mut Dice, image: Option<&Image>, newest: i16) -> i64 {
    // Brokers before take any other negative number for a time, which no client asks for.
    let numbers = if newest < REFUSES_NUMBERS { 3 } else { 6 };
    match (dice.below(20), image) {
        (0..=6, _) => -1 - dice.offset_below(numbers),
        (7, _) if newest >= REFUSES_NUMBERS => -7,
        (8, _) => dice.offset_below(2),
        (9, _) => i64::MAX - dice.offset_below(2),
        (_, Some(image)) if !image.batches.is_empty() => {
            let batch = dice.pick(&image.batches);
            batch.newest.saturating_add(dice.offset_below(2000)).saturating_sub(1000).max(0)
        }
        _ => 1_767_225_600_000 + dice.offset_below(10_000_000),
    }
}

fn epoch(dice: &mut Dice) -> i32 {
    i32::try_from(dice.below(14)).unwrap_or(0) - 1
}

impl Question {
    /// The same question as a person would repeat it.
    pub fn tell(&self) -> String {
        let name = |target: &Target| format!("{}/{} epoch {}", target.topic, target.partition, target.epoch);
        let head = format!("node {} version {} isolation {}", self.node, self.version, self.isolation);
        match &self.about {
            About::Fetch(fetch) => {
                let list: Vec<String> = fetch
                    .targets
                    .iter()
                    .map(|(target, most)| format!("{} max {most}", name(target)))
                    .collect();
                let (most, session) = (fetch.max_bytes, if fetch.session { " in a session" } else { "" });
                format!("fetch{session}, {head}, max {most}, of {}: {:?}", list.join(", "), fetch.rounds)
            }
            About::Times(list) => {
                let list: Vec<String> =
                    list.iter().map(|(target, at)| format!("{} at {at}", name(target))).collect();
                format!("offsets, {head}: {}", list.join(", "))
            }
            About::Epochs(list) => {
                let list: Vec<String> =
                    list.iter().map(|(target, of)| format!("{} of epoch {of}", name(target))).collect();
                format!("epochs, {head}: {}", list.join(", "))
            }
        }
    }
}

/// How many questions of each kind there are.
pub fn kinds<'q>(questions: impl Iterator<Item = &'q Question>) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for question in questions {
        let kind = match &question.about {
            About::Fetch(fetch) if fetch.session => "fetches in sessions",
            About::Fetch(_) => "fetches",
            About::Times(_) => "offsets of times",
            About::Epochs(_) => "ends of epochs",
        };
        *kinds.entry(kind).or_insert(0) += 1;
    }
    kinds
}
