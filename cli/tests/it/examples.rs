//! Every example that `--help` shows is run, on a tier of its own that has what the example speaks of.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::logs::{Logs, last_line, plain};
use crate::rig::{Ran, finish, firnline, run};

/// The commands of the reference, without what is said beside them and what a shell does with their output.
fn examples() -> Vec<String> {
    let reference = run(["reference", "cli"]);
    let lines = reference.fine().lines().filter_map(|line| line.strip_prefix("  firnline "));
    let command = |line: &str| {
        let end = ["  ", " | ", " > "].iter().filter_map(|mark| line.find(mark)).min().unwrap_or(line.len());
        line[..end].trim().to_owned()
    };
    let mut examples: Vec<String> = lines.map(command).collect();
    examples.sort();
    examples.dedup();
    examples
}

/// As a shell splits words, single quotes included.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        for (at, word) in part.split(' ').enumerate() {
            if at > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(word);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

struct Scene {
    logs: Logs,
    object: String,
    topic_id: String,
}

impl Scene {
    fn new() -> Self {
        let mut logs = Logs::new();
        // Enough segments that one of them is a small share.
        for name in ["orders-3", "clicks-0", "payments-0"] {
            logs.write(name, &plain(14, 1_000));
        }
        logs.offload(&[]).fine();
        let listed = logs.on(&["ls", "--segments", "orders/3", "--json"]);
        let line: serde_json::Value = serde_json::from_str(listed.fine().lines().next().unwrap()).unwrap();
        let object = line["object_key"].as_str().unwrap().to_owned();
        let topic_id = last_line(&logs.on(&["policy", "show", "orders", "--json"]))["topic_id"].clone();
        let scene = Self { logs, object, topic_id: topic_id.as_str().unwrap().to_owned() };
        scene.write_files();
        scene
    }

    fn at(&self, name: &str) -> String {
        self.logs.temp.path().join(name).display().to_string()
    }

    fn write_files(&self) {
        let key = self.at("ring.key");
        fs::write(&key, "11".repeat(32)).unwrap();
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let config = format!(
            "[store]\nurl = {:?}\n[kafka]\nbootstrap = ['127.0.0.1:1']\n[http]\nlisten = 'off'\n[offload]\nlog_dirs = [{:?}]\n\
             [serve]\nlisten = '127.0.0.1:0'\nhttp.listen = 'off'\n[[serve.rule]]\nprincipal = 'User:ANONYMOUS'\ntopics = ['.*']\n\
             [proxy]\nlisten = '127.0.0.1:0'\nhttp.listen = 'off'\n\
             [export]\nwarehouse = {:?}\nhttp.listen = 'off'\n[[export.topic]]\nname = 'orders'\n\
             [encryption]\nkeys = ['a=file:{key}']\nactive = 'a'\n",
            self.logs.tier(),
            self.logs.path(),
            self.logs.temp.path().join("lake"),
        );
        fs::write(self.at("firnline.toml"), config).unwrap();
        fs::write(self.at("ann.password"), "hunter2\n").unwrap();
        fs::write(self.at("eu-west-1.toml"), run(["cost", "--show-prices"]).fine()).unwrap();
    }

    /// The example with what it speaks of as it is here.
    fn command(&self, example: &str) -> Vec<String> {
        let tier = self.logs.tier().display().to_string();
        let known = [
            ("orders.J8nB1x9RTGqN3oGQx5Lk2A/3/00000000000000000000-4-….seg", self.object.clone()),
            ("AAAAAAAAAAAAAAAAAAAAAQ", self.topic_id.clone()),
            ("s3://archive/kafka", tier.clone()),
            ("/srv/tier", tier),
            ("s3://lake/raw", self.at("raw")),
            ("/etc/firnline.toml", self.at("firnline.toml")),
            ("eu-west-1.toml", self.at("eu-west-1.toml")),
            ("/etc/firnline/ann.password", self.at("ann.password")),
            ("/tmp/orders", self.at("restored")),
            ("10.0.0.7:9655", "127.0.0.1:1".to_owned()),
            ("127.0.0.1:19092", "127.0.0.1:0".to_owned()),
            ("broker-1:9092", "127.0.0.1:1".to_owned()),
            ("broker-2:9092", "127.0.0.1:1".to_owned()),
            // Times and offsets of the example's own cluster.
            ("@2026-11-01T00:00:00Z", "@2023-11-01T00:00:00Z".to_owned()),
            ("--until 170000", "--until 90".to_owned()),
            ("--before 170000", "--before 6".to_owned()),
            ("--at 170000", "--at 72".to_owned()),
            ("--from 1000 --until 2000", "--from 10 --until 20".to_owned()),
        ];
        let text = known.iter().fold(example.to_owned(), |text, (from, to)| text.replace(from, to));
        // A restore goes to a directory that is no broker's that runs; it is another one here.
        let kafka = self.logs.path().display().to_string();
        let text = match example.starts_with("restore") && !example.contains("--kip405") {
            true => text.replace("/var/lib/kafka", &self.at("restored")),
            false => text.replace("/var/lib/kafka", &kafka),
        };
        words(&text)
    }

    fn run(&self, example: &str) -> Ran {
        let mut command = firnline(self.command(example));
        command.env("FIRNLINE_STORE", self.logs.tier()).env("TMPDIR", self.logs.temp.path());
        command.current_dir(self.logs.temp.path());
        command.env("FIRNLINE_CONFIG", self.at("firnline.toml")).env("ANNS_PASSWORD", "hunter2");
        finish(command)
    }
}

/// What an example ends with here, where no sidecar runs.
fn expected(example: &str) -> i32 {
    match example {
        // Nobody tells anything: no sidecar has run in this tier.
        status if status.starts_with("status") => 3,
        // Nor has one written down what the cluster is.
        "restore --state s3://archive/kafka" => 2,
        // Nor is anything marked as deleted.
        undelete if undelete.starts_with("repair undelete") => 2,
        // No broker answers, and no broker tiers anything here.
        gc if gc.starts_with("gc --by-brokers") => 3,
        mirror if mirror.starts_with("repair mirror") => 4,
        // So that none was told of anything either.
        "restore orders --kip405" => 3,
        attach if attach.starts_with("restore orders --kip405 --to") => 4,
        // Values that are no JSON tell no fields, and are no changes of a database.
        infer if infer.starts_with("export --infer") => 2,
        view if view.starts_with("export view") => 2,
        // No table has been made yet.
        repair if repair.starts_with("export repair") => 3,
        table if table.starts_with("verify --table") => 2,
        _ => 0,
    }
}

#[test]
fn every_example_of_help_runs() {
    let all = examples();
    assert!(all.len() > 50, "{all:#?}");
    // These run until they are told to end: see below; and the demo has tests of its own.
    let ours = all.iter().filter(|example| !example.starts_with("demo") && !runs_on(example));
    let ours: Vec<&String> = ours.collect();
    let ran: Vec<(&String, Ran)> = std::thread::scope(|scope| {
        let parts: Vec<_> = ours
            .chunks(ours.len().div_ceil(4))
            .map(|part| {
                scope.spawn(|| part.iter().map(|one| (*one, Scene::new().run(one))).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    let wrong = ran.iter().filter(|(example, ran)| ran.code != expected(example));
    let wrong: Vec<String> =
        wrong.map(|(example, ran)| format!("firnline {example}\n  {} {}", ran.code, ran.err)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn runs_on(example: &str) -> bool {
    let stays = ["offload --config", "serve", "proxy"].iter().any(|command| example.starts_with(command));
    stays || example == "export --config /etc/firnline.toml"
}

/// What it says once it has begun.
fn beginning(example: &str) -> &'static str {
    match example.split(' ').next() {
        Some("serve") => "the tier is served",
        Some("export") => "exporting",
        Some("proxy") => "stands before the brokers",
        _ => "127.0.0.1:1",
    }
}

#[test]
fn an_example_that_runs_on_begins() {
    for example in examples().iter().filter(|example| runs_on(example)) {
        let scene = Scene::new();
        let log = scene.logs.temp.path().join("log");
        let mut command = firnline(scene.command(example));
        let mut child = command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        let says = beginning(example);
        let ended = ended(&mut child, &log, says);
        child.kill().unwrap();
        child.wait().unwrap();
        let text = fs::read_to_string(&log).unwrap();
        assert!(!ended && text.contains(says), "firnline {example}\n{text}");
    }
}

/// Waits until it says that it has begun; whether it ended instead.
fn ended(child: &mut std::process::Child, log: &Path, says: &str) -> bool {
    for _ in 0..400 {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        if fs::read_to_string(log).unwrap().contains(says) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}
