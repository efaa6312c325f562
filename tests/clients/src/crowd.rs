//! Several clients that read the topic at once, and what each of them must have seen in the end.

use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use firnline_differential::proxied::Door;

use crate::client::{Client, Plan};
use crate::facts::{Facts, assert_all, assert_each};
use crate::stage::{PARTITIONS, Stage, TOPIC};

/// The most that a client may take.
const SECONDS: u64 = 120;
/// Until all have come to read from the tier: some have to be compiled.
const COMING: Duration = Duration::from_secs(60);

/// Lines of a program's own log in a message.
const ASIDE: usize = 60;

/// What a crowd is told, and what comes of it.
#[derive(Debug)]
pub struct Crowd {
    plans: Vec<(Client, Plan)>,
}

/// Those that read now.
#[derive(Debug)]
pub struct Reading<'t> {
    clients: Vec<(Client, ScopedJoinHandle<'t, Facts>)>,
}

impl Crowd {
    /// Clients that read committed records from the first one on, each in a group of its own.
    pub fn new(stage: &Stage, clients: &[Client], bootstrap: &str) -> Self {
        let plan = |client: &Client| {
            let count = stage.all(*client, true).values().map(Vec::len).sum();
            let (bootstrap, group) = (bootstrap.to_owned(), stage.group());
            let plan = Plan {
                bootstrap,
                group,
                committed: true,
                what: "group",
                count,
                seconds: SECONDS,
                list: Vec::new(),
            };
            (*client, plan)
        };
        Self { plans: clients.iter().map(plan).collect() }
    }

    /// They read while `during` happens, and are awaited. Gives what each was told.
    pub fn read(self, during: impl FnOnce(&Reading<'_>)) -> Vec<(Client, Facts)> {
        std::thread::scope(|threads| {
            let start = |(client, plan): (Client, Plan)| {
                (client, threads.spawn(move || client.run(TOPIC, PARTITIONS, &plan)))
            };
            let reading = Reading { clients: self.plans.into_iter().map(start).collect() };
            during(&reading);
            let join = |(client, thread): (Client, ScopedJoinHandle<'_, Facts>)| {
                (client, thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            };
            reading.clients.into_iter().map(join).collect()
        })
    }
}

impl Reading<'_> {
    /// Waits until each of them has got so many bytes of the tier through this proxy.
    pub fn wait_until_got(&self, door: &Door, bytes: u32) {
        self.wait_until_any_got([door], bytes);
    }

    /// The same of several proxies of which each client uses one.
    pub fn wait_until_any_got<'d>(&self, doors: impl IntoIterator<Item = &'d Door> + Clone, bytes: u32) {
        let began = Instant::now();
        loop {
            let got: Vec<(String, f64)> = doors.clone().into_iter().flat_map(Door::cold_bytes).collect();
            if got.iter().filter(|(_, got)| *got >= f64::from(bytes)).count() >= self.clients.len() {
                return;
            }
            let waited = began.elapsed();
            let ended: Vec<_> = self
                .clients
                .iter()
                .filter(|(_, thread)| thread.is_finished())
                .map(|(client, _)| client)
                .collect();
            assert!(
                waited < COMING,
                "after {waited:?} the clients have got {got:?} bytes, {ended:?} have ended"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Panics unless each of them has something to do still.
    pub fn assert_all_busy(&self) {
        for (client, thread) in &self.clients {
            assert!(!thread.is_finished(), "{client:?} was done before there was anything to be endured");
        }
    }
}

/// Panics unless each client saw each record, as it is, in its order, and but for those that begin anew at what they have
/// committed no record twice. Gives all that applications were told as errors.
pub fn judge(
    stage: &Stage,
    what: &str,
    seen: Vec<(Client, Facts)>,
    begin_anew: &[Client],
) -> Vec<(Client, String)> {
    let mut told = Vec::new();
    for (client, facts) in seen {
        let aside: Vec<&str> = facts.aside.lines().rev().take(ASIDE).collect();
        let aside: Vec<&str> = aside.into_iter().rev().collect();
        for (partition, expected) in stage.all(client, true) {
            let (faults, aside) = (&facts.faults, aside.join("\n"));
            let what = format!("{what}: {client:?} partition {partition}, faults {faults:?}\n{aside}\n");
            if begin_anew.contains(&client) {
                assert_each(&what, &expected, &facts.of(partition));
            } else {
                assert_all(&what, &expected, &facts.of(partition));
            }
        }
        told.extend(facts.faults.into_iter().map(|fault| (client, fault)));
    }
    told
}
