//! A run: write, look, ask, cut, ask again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kafka_protocol::messages::{FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest};
use kafka_protocol::protocol::Request;

use crate::answer::Before;
use crate::asked::Asker;
use crate::compare::Tiers;
use crate::image::Image;
use crate::old;
use crate::proxied::Door;
use crate::question::{Question, Scene, Scope, kinds, question};
use crate::served::{cut, ends};
use crate::server::Server;
use crate::stand::Stand;
use crate::workload::{CLEANED, FIRST_MS, OLD, Topic, create, topics, write, write_cleaned};

/// The newest versions that are merged with the tier.
const NEWEST: [i16; 3] = [18, 11, 4];
/// How often is written; between, leaders move.
const ROUNDS: u64 = 3;
/// Who asks at once.
const ASKERS: usize = 6;
const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;
/// Failures told in full.
const TOLD: usize = 40;

/// What is run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The brokers' release.
    pub version: &'static str,
    /// How many brokers.
    pub nodes: u16,
    /// What all choices follow from.
    pub seed: u64,
    /// How many questions.
    pub requests: u64,
    /// One question alone, by its number.
    pub only: Option<u64>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    /// Questions that were told the same.
    pub same: usize,
    /// Those that were not.
    pub other: usize,
}

/// Runs.
pub fn run(plan: &Plan) -> Sum {
    let began = Instant::now();
    let say = |what: &str| eprintln!("{:>6.1} s  {what}", began.elapsed().as_secs_f64());
    let mut stand = Stand::start(plan.version, plan.nodes);
    say(&format!("{} broker(s) of {} stand", plan.nodes, plan.version));
    let topics = topics(plan.nodes);
    create(&stand.cluster, &topics);
    if let Some(topic) = topics.iter().find(|topic| topic.name == CLEANED) {
        write_cleaned(plan.seed, &stand.cluster, topic);
        stand.wait_until_cleaned(CLEANED);
        stand.set(&[CLEANED], "cleanup.policy", "delete");
        say("the cleaner is done");
    }
    if topics.iter().any(|topic| topic.name == OLD) {
        // Older than all that is written here.
        stand.fill(OLD, |directory| old::put(directory, plan.seed, FIRST_MS - YEAR_MS));
    }
    stand.offload();
    for round in 0..ROUNDS {
        write(plan.seed, round, &stand.cluster, &topics);
        say(&format!("round {round} is written"));
        if round + 1 < ROUNDS {
            stand.move_leaders(round);
        }
    }
    // Followers learn of the last high watermark with a fetch that comes after.
    std::thread::sleep(Duration::from_secs(2));
    let names = names(&topics);
    let scope = scope(&stand, &names, plan.nodes);
    say(&describe(&scope));

    let numbers: Vec<u64> = plan.only.map_or_else(|| (0..plan.requests).collect(), |only| vec![only]);
    let questions: Vec<Question> =
        numbers.iter().map(|number| question(plan.seed, *number, &scope)).collect();
    let server = brokers(&stand, &names);
    let before = each(&server, &questions, |asker, question, at| {
        asker.before(question, &scope).map_err(|error| fault(plan, numbers[at], question, &error))
    });
    // What the brokers themselves are not told right by is a fault of this run.
    let before: Vec<Before> =
        before.into_iter().collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}"));
    say(&format!("{} questions are asked: {:?}", questions.len(), kinds(questions.iter())));

    let tiers = stand.cut(&scope.scenes, |node| server.nodes[&node].clone());
    say(&format!("the logs are cut: {}", cuts(&scope, &tiers)));
    stand.stop_sidecars();

    let asked = Asked { plan, questions, numbers, before, scope };
    let door = Door::proxy(&stand.cluster.bootstrap(), &stand.tier);
    let through = Server::at(&door.address(), &names);
    let empty = AtomicUsize::new(0);
    let came = each(&through, &asked.questions, |asker, question, at| {
        let count = asker.after(question, &asked.before[at], &asked.scope, &tiers);
        empty.fetch_add(count.map_err(|error| asked.fault(at, &error))?.empty, Ordering::Relaxed);
        Ok(())
    });
    let mut all = sum(&came);
    let empty = empty.into_inner();
    say(&format!(
        "through the proxy: {} the same, {} not; {empty} answers came empty first",
        all.same, all.other
    ));
    let held_back = door.held_back();
    if held_back > 0.0 {
        eprintln!("DIFFERENT: {held_back} times an offset that is there was nearly told as out of range");
        all.other += 1;
    }
    drop(door);
    stand.power_off();

    let door = Door::serve(&stand.tier);
    let served = Server::at(&door.address(), &names);
    let node = *served.nodes.keys().next().expect("a server is a node");
    let ends = ends(&door.address(), &asked.scope, &tiers);
    let came = each(&served, &asked.questions, |asker, question, at| {
        let Some((question, before)) = cut(node, question, &asked.before[at], &ends) else { return Ok(None) };
        let count = asker.after(&question, &before, &asked.scope, &ends);
        count.map(Some).map_err(|error| asked.fault(at, &format!("without brokers: {error}")))
    });
    let came: Vec<Result<(), String>> =
        came.into_iter().filter_map(Result::transpose).map(|came| came.map(drop)).collect();
    let without = sum(&came);
    say(&format!("without brokers: {} the same, {} not", without.same, without.other));
    Sum { same: all.same + without.same, other: all.other + without.other }
}

/// What was asked and told while all was local.
struct Asked<'p> {
    plan: &'p Plan,
    questions: Vec<Question>,
    numbers: Vec<u64>,
    before: Vec<Before>,
    scope: Scope,
}

impl Asked<'_> {
    fn fault(&self, at: usize, error: &str) -> String {
        fault(self.plan, self.numbers[at], &self.questions[at], error)
    }
}

fn names(topics: &[Topic]) -> Vec<String> {
    topics.iter().map(|topic| topic.name.clone()).collect()
}

fn brokers(stand: &Stand, topics: &[String]) -> Server {
    let bootstrap = stand.cluster.bootstrap();
    Server::at(bootstrap.split(',').next().unwrap_or_default(), topics)
}

/// All partitions of these topics as they stand, once all nodes are known.
pub fn scope(stand: &Stand, topics: &[String], nodes: u16) -> Scope {
    let mut server = brokers(stand, topics);
    for _ in 0..50 {
        if server.nodes.len() == usize::from(nodes) {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
        server = brokers(stand, topics);
    }
    let address = server.nodes.values().next().expect("a node");
    let keys = [FetchRequest::KEY, ListOffsetsRequest::KEY, OffsetForLeaderEpochRequest::KEY];
    let mut newest = NEWEST;
    for (newest, key) in newest.iter_mut().zip(keys) {
        *newest = Server::newest(address, key).min(*newest);
    }
    let mut scenes = Vec::new();
    for (name, topic) in &server.topics {
        for (partition, leader) in &topic.leaders {
            let image = Arc::new(Image::read(&server.nodes[&leader.0], name, *partition));
            let topic_name: Arc<str> = name.as_str().into();
            scenes.push(Scene {
                topic: topic_name,
                id: topic.id,
                partition: *partition,
                leader: *leader,
                image,
            });
        }
    }
    Scope { scenes, nodes: server.nodes.keys().copied().collect(), newest }
}

fn describe(scope: &Scope) -> String {
    let all = |of: fn(&Image) -> usize| scope.scenes.iter().map(|scene| of(&scene.image)).sum::<usize>();
    format!(
        "{} partitions, {} KiB in {} batches, {} of them without records, {} aborted transactions, versions up to {:?}",
        scope.scenes.len(),
        all(|image| image.bytes.len()) / 1024,
        all(|image| image.batches.len()),
        all(|image| image.batches.iter().filter(|batch| batch.records == 0).count()),
        all(|image| image.aborted.len()),
        scope.newest
    )
}

fn cuts(scope: &Scope, tiers: &[Tiers]) -> String {
    let one = |(scene, tiers): (&Scene, &Tiers)| {
        format!("{}/{} {}|{}|{}", scene.topic, scene.partition, tiers.local, tiers.end, scene.image.end)
    };
    scope.scenes.iter().zip(tiers).map(one).collect::<Vec<_>>().join(", ")
}

fn fault(plan: &Plan, number: u64, question: &Question, error: &str) -> String {
    let Plan { version, nodes, seed, .. } = plan;
    format!(
        "--version {version} --nodes {nodes} --seed {seed} --only {number}: {}\n  {error}",
        question.tell()
    )
}

/// Asks all of them, several at once; gives what came of each, in their order.
fn each<T: Send>(
    server: &Server,
    questions: &[Question],
    ask: impl Fn(&mut Asker<'_>, &Question, usize) -> Result<T, String> + Sync,
) -> Vec<Result<T, String>> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Option<Result<T, String>>>> = Mutex::new(questions.iter().map(|_| None).collect());
    std::thread::scope(|threads| {
        for _ in 0..ASKERS {
            threads.spawn(|| {
                let mut asker = Asker::new(server);
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(question) = questions.get(at) else { return };
                    let came = ask(&mut asker, question, at);
                    if came.is_err() {
                        // Its connection may be in the middle of an answer.
                        asker = Asker::new(server);
                    }
                    found.lock().expect("nothing panics under this lock")[at] = Some(came);
                }
            });
        }
    });
    let found = found.into_inner().expect("nothing panics under this lock");
    found.into_iter().map(|came| came.unwrap_or_else(|| Err("it was not asked".to_owned()))).collect()
}

fn sum(came: &[Result<(), String>]) -> Sum {
    let faults: Vec<&String> = came.iter().filter_map(|came| came.as_ref().err()).collect();
    for fault in faults.iter().take(TOLD) {
        eprintln!("DIFFERENT: {fault}");
    }
    Sum { same: came.len() - faults.len(), other: faults.len() }
}
