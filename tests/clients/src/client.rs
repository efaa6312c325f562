//! The clients, and how each is started.

use std::path::PathBuf;
use std::process::Command;

use firnline_tests::tools::{build_cache, kafka_class_path, program, source_root};
use serde_json::json;

use crate::facts::Facts;

/// How much longer than its plan says a program may take: it may have to be compiled, or to leave a group.
const GRACE_SECONDS: u64 = 45;

/// A client library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Kafka's own, of this release.
    Java(&'static str),
    /// A program in Python.
    Python(&'static str),
    /// A program in Go.
    Go(&'static str),
    /// kafkajs.
    Node,
}

/// What a program is asked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where to bootstrap.
    pub bootstrap: String,
    /// The group, of which nobody else is a member.
    pub group: String,
    /// Whether only records of committed transactions are asked for.
    pub committed: bool,
    /// `group`, `members`, `seek` or `times`.
    pub what: &'static str,
    /// Records that differ.
    pub count: usize,
    /// The most it may take.
    pub seconds: u64,
    /// Pairs of partition and offset or time.
    pub list: Vec<(i32, i64)>,
}

impl Client {
    /// Whether it can divide a topic among members; kcat's are processes.
    pub fn has_members(self) -> bool {
        self != Self::Python("kcat")
    }

    /// Runs the program to its end.
    pub fn run(self, topic: &str, partitions: i32, plan: &Plan) -> Facts {
        let text = json!({
            "bootstrap": plan.bootstrap, "topic": topic, "partitions": partitions, "group": plan.group,
            "isolation": if plan.committed { "read_committed" } else { "read_uncommitted" },
            "do": plan.what, "count": plan.count, "seconds": plan.seconds, "list": plan.list,
        });
        let (name, arguments) = self.command();
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", &(plan.seconds + GRACE_SECONDS).to_string()])
            .arg(&name)
            .args(arguments);
        let output = command.arg(text.to_string()).env("PYTHONDONTWRITEBYTECODE", "1").output();
        let output = output.unwrap_or_else(|error| panic!("run {name:?}: {error}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = errors.lines().rev().take(20).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        assert!(output.status.success(), "{self:?} {text}: {}\n{}", output.status, last.join("\n"));
        Facts { aside: errors.into_owned(), ..Facts::parse(&String::from_utf8_lossy(&output.stdout)) }
    }

    fn command(self) -> (PathBuf, Vec<String>) {
        let sources = source_root().join("tests/clients");
        let text = |path: PathBuf| path.display().to_string();
        match self {
            Self::Java(release) => {
                let quick = "-XX:TieredStopAtLevel=1".to_owned();
                let source = text(sources.join("java/Client.java"));
                (PathBuf::from("java"), vec![quick, "-cp".to_owned(), kafka_class_path(release), source])
            }
            Self::Python(name) => {
                let python = build_cache().join("venv/bin/python");
                (python, vec![text(sources.join(format!("python/{name}.py")))])
            }
            Self::Go(name) => (program(&format!("firnline-client-{name}")), Vec::new()),
            Self::Node => (PathBuf::from("node"), vec![text(build_cache().join("clients/client.js"))]),
        }
    }
}
