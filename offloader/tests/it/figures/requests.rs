//! Requests of three sidecars over quiet partitions: joined for an hour, against each file by itself. Everything that goes
//! to the store counts: uploads, commits, read-backs, claims, summaries, followers' looks before they let pins go,
//! background work and scrub.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firnline_index::{NodeId, OffsetRange, TopicIdPartition};
use firnline_offloader::sidecar::{NoSidecarFaults, Sidecar, SidecarParts, SidecarSettings, TopicPolicy};
use firnline_offloader::{Host as _, Progress};
use firnline_store::Env;
use firnline_store::env::SeededRandom;
use firnline_store::sim::Simulation;
use tokio::time::Instant;

use super::quiet::{BROKERS, Quiet, QuietCluster, QuietHost, Shape};
use crate::world::{START_MS, no_faults, open_tier};

const MINUTE: Duration = Duration::from_secs(60);
/// How long sidecars work before anything is counted: the first upload of all is over, and hours overlap evenly.
const WARM_UP: Duration = Duration::from_secs(80 * 60);
/// Over how long is counted: whole hours, so that each partition has its share.
const COUNTED: Duration = Duration::from_secs(2 * 3600);

/// How long a pin may stay that nobody needs any more.
const LET_GO_WITHIN: Duration = Duration::from_secs(170);

/// What a run came to.
#[derive(Debug)]
struct Cost {
    requests: u64,
    /// By kind and what the object is.
    kinds: BTreeMap<String, u64>,
    /// From a file's being sealed to its being in the tier, sorted; milliseconds.
    lags: Vec<i64>,
    pins: Pins,
}

/// Pins that alone keep their bytes, as seen each minute over all brokers.
#[derive(Debug, Default)]
struct Pins {
    /// At the end, and at most, those whose bytes still wait for their upload.
    waiting: usize,
    most_waiting: usize,
    /// The same of those whose bytes were in the tier already.
    covered: usize,
    most_covered: usize,
    /// The longest that one was there although the tier had its bytes and the log had let them go.
    longest_covered: Duration,
}

impl Pins {
    fn see(&mut self, hosts: &[Arc<QuietHost>], lags: &Lags) {
        (self.waiting, self.covered) = (0, 0);
        let ends = lags.ends.lock().unwrap();
        for (p, k, sole_for) in hosts.iter().flat_map(|host| host.sole_links()) {
            let committed = ends.get(&p).into_iter().flatten().find(|(end, _)| *end > k);
            let Some((_, at)) = committed else {
                self.waiting += 1;
                continue;
            };
            self.covered += 1;
            self.longest_covered = self.longest_covered.max(at.elapsed().min(sole_for));
        }
        self.most_waiting = self.most_waiting.max(self.waiting);
        self.most_covered = self.most_covered.max(self.covered);
    }
}

impl Cost {
    fn p99_lag(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.lags[self.lags.len() * 99 / 100]).unwrap())
    }
}

#[derive(Debug)]
struct Lags {
    quiet: Arc<Quiet>,
    env: Env,
    seen: Mutex<Vec<i64>>,
    /// Of each partition, the file at which the tier ended, and when it began to.
    ends: Mutex<BTreeMap<usize, Vec<(i64, Instant)>>>,
}

impl Progress for Lags {
    fn committed(&self, tip: &TopicIdPartition, range: OffsetRange) {
        let p = Quiet::place(tip);
        let (now, files) = (self.env.clock.now_ms(), range.start().get() / 3..range.end().get() / 3);
        self.ends.lock().unwrap().entry(p).or_default().push((files.end, Instant::now()));
        self.seen.lock().unwrap().extend(files.map(|k| now - self.quiet.sealed_at_ms(p, k)));
    }
}

/// Lets three sidecars work on `partitions` for some hours, in which each partition's leadership moves once.
async fn cost(partitions: usize, keep: i64, target_bytes: u64) -> Cost {
    let shape = Shape { partitions, roll: 5 * MINUTE, keep, moves_at: WARM_UP + 30 * MINUTE };
    let quiet = Quiet::new(shape);
    let env = Env::seeded(1, START_MS);
    let store = Simulation::new(1, &env);
    let lags = Arc::new(Lags {
        quiet: Arc::clone(&quiet),
        env: env.clone(),
        seen: Mutex::default(),
        ends: Mutex::default(),
    });
    let (mut sidecars, mut stores, mut hosts) = (Vec::new(), Vec::new(), Vec::new());
    for n in 1..=BROKERS {
        let random = Arc::new(SeededRandom::new(100 + u64::try_from(n).unwrap()));
        let env = Env { clock: Arc::clone(&env.clock), random };
        let connection = store.connect(&env);
        let host = Arc::new(QuietHost::new(&quiet));
        let parts = SidecarParts {
            tier: open_tier(connection.clone(), &env, no_faults()).await,
            cluster: Arc::new(QuietCluster(Arc::clone(&quiet))),
            host: Arc::clone(&host) as _,
            node: NodeId::new(n).unwrap(),
            faults: Arc::new(NoSidecarFaults),
            progress: Arc::clone(&lags) as _,
        };
        let settings = SidecarSettings {
            policy_of: Arc::new(move |_| TopicPolicy { target_bytes, ..TopicPolicy::default() }),
            // Looking around makes no request to the store; doing it less often makes the test faster.
            tick: Duration::from_secs(20),
            leader_interval: Duration::from_secs(20),
            witness_interval: Duration::from_secs(60),
            ..SidecarSettings::default()
        };
        sidecars.push(Sidecar::open(parts, settings).await.unwrap());
        stores.push(connection);
        hosts.push(host);
    }
    let requests = || stores.iter().map(|store| store.counters().total()).sum::<u64>();
    let work = futures::future::join_all(sidecars.iter().map(|sidecar| sidecar.run(std::future::pending())));
    let (mut before, mut pins) = (0, Pins::default());
    tokio::select! {
        ended = work => panic!("a sidecar stopped: {ended:?}"),
        () = async {
            tokio::time::sleep(WARM_UP).await;
            before = requests();
            lags.seen.lock().unwrap().clear();
            let end = Instant::now() + COUNTED;
            while Instant::now() < end {
                tokio::time::sleep(MINUTE).await;
                pins.see(&hosts, &lags);
            }
        } => {}
    }
    let from_ms = START_MS + i64::try_from(WARM_UP.as_millis()).unwrap();
    let mut kinds = BTreeMap::new();
    for event in store.trace().iter().filter(|event| event.at_ms >= from_ms) {
        *kinds.entry(format!("{} {}", event.operation.label(), what_is(&event.key))).or_default() += 1;
    }
    let mut lags = std::mem::take(&mut *lags.seen.lock().unwrap());
    lags.sort_unstable();
    Cost { requests: requests() - before, kinds, lags, pins }
}

/// What stands under a key.
fn what_is(key: &str) -> &'static str {
    let kinds = [(".seg", "segment"), (".page", "page"), ("/manifest", "manifest"), ("topics/", "topic")];
    let cluster = [("summary", "summary"), ("lease", "lease"), ("floors", "floors"), ("cluster", "cluster")];
    kinds.iter().chain(&cluster).find(|(part, _)| key.contains(part)).map_or("other", |(_, name)| name)
}

/// A run's requests in thousandths of a request a partition, and what three sidecars cost whatever there is to do.
fn line(few: (usize, &Cost), many: (usize, &Cost)) -> (u64, u64) {
    let partitions = u64::try_from(many.0 - few.0).unwrap();
    let each = (many.1.requests - few.1.requests) * 1000 / partitions;
    (each, (many.1.requests * 1000).saturating_sub(each * u64::try_from(many.0).unwrap()) / 1000)
}

#[expect(clippy::print_stdout, reason = "the figures themselves")]
fn say(what: &str) {
    println!("{what}");
}

fn tell(name: &str, partitions: usize, cost: &Cost) {
    say(&format!(
        "{partitions} partitions, {name}: {} requests, p99 lag {} s, {:?}; {:?}",
        cost.requests,
        cost.p99_lag().as_secs(),
        cost.pins,
        cost.kinds
    ));
}

/// Runs with joining and without.
async fn both(partitions: usize, keep: i64) -> (Cost, Cost) {
    let joined = cost(partitions, keep, TopicPolicy::default().target_bytes).await;
    let alone = cost(partitions, keep, 0).await;
    tell("joined", partitions, &joined);
    tell("each file by itself", partitions, &alone);
    say(&format!("{} of 1000", joined.requests * 1000 / alone.requests));
    (joined, alone)
}

/// The cost of a partition and of a sidecar are told apart by runs of two sizes, so that the limit is that of ten thousand
/// partitions; the test below runs those, by hand.
async fn of_ten_thousand(keep: i64) -> u64 {
    let (few, many) = (30, 90);
    let (of_few, of_many) = (both(few, keep).await, both(many, keep).await);
    for cost in [&of_few.0, &of_many.0] {
        assert!(cost.p99_lag() <= Duration::from_secs(3600), "{:?}", cost.p99_lag());
    }
    // A follower hears of a commit by the leader's summary: two intervals of a minute, each up to an eighth longer, and a tick.
    for cost in [&of_few.0, &of_many.0, &of_few.1, &of_many.1] {
        assert!(cost.pins.longest_covered <= LET_GO_WITHIN, "{:?}", cost.pins);
    }
    // A round that sees what was sealed also asks what is committed: one tick of 20 s, not two.
    for cost in [&of_few.1, &of_many.1] {
        assert!(cost.p99_lag() <= Duration::from_secs(30), "{:?}", cost.p99_lag());
    }
    let at = |(each, whatever): (u64, u64)| each * 10 + whatever;
    let joined = line((few, &of_few.0), (many, &of_many.0));
    let alone = line((few, &of_few.1), (many, &of_many.1));
    say(&format!(
        "joined {joined:?}, alone {alone:?}: thousandths of a request a partition, requests in all"
    ));
    at(joined) * 1000 / at(alone)
}

#[tokio::test(start_paused = true)]
async fn joining_for_an_hour_leaves_an_eighth_of_the_requests() {
    // Local retention of half an hour, so that most of what goes up is kept by pins alone.
    let permille = of_ten_thousand(6).await;
    assert!(permille <= 125, "{permille} of 1000");
}

#[tokio::test(start_paused = true)]
#[ignore = "a measurement of minutes: scripts/bench --only joined runs it"]
async fn ten_thousand_partitions() {
    let partitions = std::env::var("FIRNLINE_TEST_PARTITIONS").map_or(10_000, |text| text.parse().unwrap());
    let (joined, alone) = both(partitions, 6).await;
    assert!(joined.requests * 8 <= alone.requests);
    for cost in [joined, alone] {
        assert!(cost.pins.longest_covered <= LET_GO_WITHIN, "{:?}", cost.pins);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_committed_is_remembered_of_more_partitions_than_are_asked_for_at_once() {
    // All grow all the time: a file each ten seconds, as often as they are asked for.
    let shape = Shape {
        partitions: 2_100,
        roll: Duration::from_secs(10),
        keep: 50,
        moves_at: Duration::from_secs(9_000),
    };
    let quiet = Quiet::new(shape);
    let env = Env::seeded(1, START_MS);
    let host = Arc::new(QuietHost::new(&quiet));
    let parts = SidecarParts {
        tier: open_tier(Simulation::new(1, &env).connect(&env), &env, no_faults()).await,
        cluster: Arc::new(QuietCluster(Arc::clone(&quiet))),
        host: Arc::clone(&host) as _,
        node: NodeId::new(1).unwrap(),
        faults: Arc::new(NoSidecarFaults),
        progress: Arc::new(firnline_offloader::Silent),
    };
    let sidecar = Sidecar::open(parts, SidecarSettings::default()).await.unwrap();
    sidecar.run(tokio::time::sleep(MINUTE)).await;
    let witnesses = host.witnesses().unwrap();
    let latest = witnesses.iter().filter(|witness| witness.newest.bound.get() >= 3 * 3).count();
    assert_eq!(
        (witnesses.len(), latest),
        (2_100, 2_100),
        "of so many what is committed is known, and lately"
    );
}
