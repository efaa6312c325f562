//! Consumer groups of Kafka's own consumers, of three releases, each member a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use firnline_proxy::serve::ServeSettings;

use super::client::{anonymous_reads, settings};
use super::log::Log;
use super::tier::{World, tip};
use crate::schemas::tools::kafka_class_path;

/// How long a member may take for a word: it is a JVM on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that is killed when it is dropped.
struct Member {
    child: Child,
    words: ChildStdin,
    answers: mpsc::Receiver<String>,
}

impl Member {
    fn start(release: &str, port: i32, settings: &[&str]) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java/Member.java");
        let mut child = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", "-cp", &kafka_class_path(release)])
            .arg(source)
            .args([&*format!("127.0.0.1:{port}"), "orders", "app"])
            .args(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (send, answers) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        Self { words: child.stdin.take().unwrap(), child, answers }
    }

    fn say(&mut self, word: &str) {
        writeln!(self.words, "{word}").unwrap();
    }

    fn answer(&mut self) -> String {
        self.answers.recv_timeout(PATIENCE).expect("it answers in time")
    }

    fn obey(&mut self, word: &str) -> String {
        self.say(word);
        self.answer()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three partitions of a hundred records each.
fn world() -> World {
    let world = World::new();
    world.topic("orders", 7, 3);
    for partition in 0..3 {
        let mut log = Log::from(0);
        for _ in 0..10 {
            log.data(10, 50);
        }
        world.put(tip("orders", 7, partition), &log, &[50]);
    }
    world
}

fn prompt() -> ServeSettings {
    let mut settings = settings();
    settings.groups.limits.initial_delay = Duration::from_millis(500);
    settings
}

/// Runs what blocks beside the server.
async fn beside<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Subscribes, reads, keeps, goes back, goes; another one comes, goes, dies; the server is killed and goes on.
async fn lives(release: &'static str, protocol: &'static [&'static str]) {
    let world = world();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let port = running.port();
    beside(move || {
        let mut one = Member::start(release, port, protocol);
        assert_eq!(one.obey("await 3"), "assigned [0, 1, 2]", "{release}");
        assert_eq!(one.obey("read 300"), "read {0=0-99, 1=0-99, 2=0-99}", "{release}");
        assert_eq!(one.obey("seek 1 40"), "sought");
        assert_eq!(one.obey("read 20"), "read {1=40-59}");
        assert_eq!(one.obey("commit"), "committed {0=100, 1=60, 2=100}", "{release}");
        assert_eq!(one.obey("async"), "committed {0=100, 1=60, 2=100}");

        let mut two = Member::start(release, port, protocol);
        two.say("await 1");
        assert!(one.obey("await 2").starts_with("assigned"), "{release}: the work is divided");
        assert!(two.answer().starts_with("assigned"));
        assert_eq!(two.obey("close"), "closed");
        assert_eq!(one.obey("await 3"), "assigned [0, 1, 2]", "{release}: the other has gone");

        let mut three = Member::start(release, port, protocol);
        three.say("await 1");
        assert!(one.obey("await 2").starts_with("assigned"), "{release}");
        assert!(three.answer().starts_with("assigned"));
        drop(three);
        assert_eq!(one.obey("await 3"), "assigned [0, 1, 2]", "{release}: the other is dead");
        assert_eq!(one.obey("committed 0 1 2"), "committed {0=100, 1=60, 2=100}");
        assert_eq!(one.obey("close"), "closed");
    })
    .await;
    running.kill().await;

    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let port = running.port();
    beside(move || {
        let mut again = Member::start(release, port, protocol);
        assert_eq!(again.obey("read 40"), "read {1=60-99}", "{release}: it goes on where it stood");
        assert_eq!(again.obey("commit"), "committed {1=100}");
        assert_eq!(again.obey("close"), "closed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_kafkas_newest_consumer_live() {
    lives("4.3.1", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_an_older_consumer_live() {
    lives(
        "3.9.1",
        &["partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_the_oldest_consumer_live() {
    lives("3.3.2", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_outlives_its_server_and_one_of_its_own_name_is_not_noticed() {
    let world = world();
    let mut settings = prompt();
    let running = world.serve_with(anonymous_reads(".*"), settings.clone()).await;
    let port = running.port();
    let mut member = beside(move || {
        let mut member = Member::start("3.9.1", port, &["group.instance.id=i-1", "max.poll.records=7"]);
        assert_eq!(member.obey("await 3"), "assigned [0, 1, 2]");
        assert_eq!(member.obey("read 300"), "read {0=0-99, 1=0-99, 2=0-99}");
        member
    })
    .await;
    // Killed, and started anew at the same port: the member enters again, and keeps what it has read.
    running.kill().await;
    settings.listen.set_port(u16::try_from(port).unwrap());
    let running = world.serve_with(anonymous_reads(".*"), settings).await;
    beside(move || {
        assert_eq!(member.obey("await 3"), "assigned [0, 1, 2]");
        let mut kept = member.obey("read 0");
        for _ in 0..20 {
            kept = member.obey("commit");
            if kept.starts_with("committed") && kept != "committed {}" {
                break;
            }
            // Its partitions were lost with the server; what comes again is read again.
            member.obey("read 300");
        }
        assert_eq!(kept, "committed {0=100, 1=100, 2=100}");
        let mut again = Member::start("3.9.1", port, &["group.instance.id=i-1"]);
        assert_eq!(again.obey("await 3"), "assigned [0, 1, 2]");
        assert_eq!(again.obey("committed 0 1 2"), "committed {0=100, 1=100, 2=100}");
    })
    .await;
    running.stop().await;
}
