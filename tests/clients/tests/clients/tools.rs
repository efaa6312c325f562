//! Kafka's own command lines.

use std::process::Command;

use firnline_clients::client::Client;
use firnline_clients::stage::{Stage, TOPIC};
use firnline_tests::tools::kafka_class_path;

fn tool(release: &str, class: &str, arguments: &[&str]) -> String {
    let output = Command::new("timeout")
        .args([
            "--kill-after=5",
            "120",
            "java",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            &kafka_class_path(release),
            class,
        ])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("run java: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{class} of {release}: {}\n{errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "takes a minute: scripts/clients runs it"]
fn the_console_consumer_prints_each_record_once() {
    let stage = Stage::shared();
    for release in ["4.3.1", "3.9.1"] {
        for isolation in ["read_uncommitted", "read_committed"] {
            let door = stage.proxy();
            let all = stage.all(Client::Java(release), isolation == "read_committed");
            let count: usize = all.values().map(Vec::len).sum();
            let printed = tool(
                release,
                "org.apache.kafka.tools.consumer.ConsoleConsumer",
                &[
                    "--bootstrap-server",
                    &door.address(),
                    "--topic",
                    TOPIC,
                    "--from-beginning",
                    "--isolation-level",
                    isolation,
                    "--max-messages",
                    &count.to_string(),
                    "--timeout-ms",
                    "60000",
                    "--property",
                    "print.partition=true",
                    "--property",
                    "print.offset=true",
                    "--property",
                    "print.value=false",
                ],
            );
            let number = |text: &str| text.split(':').nth(1).and_then(|number| number.parse::<i64>().ok());
            let mut seen: Vec<(Option<i64>, Option<i64>)> = printed
                .lines()
                .filter_map(|line| line.split_once('\t'))
                .map(|(partition, offset)| (number(partition), number(offset)))
                .collect();
            seen.sort_unstable();
            let due: Vec<_> = all
                .iter()
                .flat_map(|(partition, all)| {
                    all.iter().map(|seen| (Some(i64::from(*partition)), Some(seen.0)))
                })
                .collect();
            assert_eq!(seen, due, "{release} {isolation}");
        }
    }
}

#[test]
#[ignore = "takes a minute: scripts/clients runs it"]
fn the_performance_tool_counts_all_records() {
    let stage = Stage::shared();
    let count: usize = stage.all(Client::Java("4.3.1"), false).values().map(Vec::len).sum();
    for release in ["4.3.1", "3.9.1"] {
        let door = stage.proxy();
        let (address, messages) = (door.address(), count.to_string());
        let printed = tool(
            release,
            "org.apache.kafka.tools.ConsumerPerformance",
            &[
                "--bootstrap-server",
                &address,
                "--topic",
                TOPIC,
                "--messages",
                &messages,
                "--timeout",
                "20000",
                "--hide-header",
            ],
        );
        // start, end, MB, MB a second, messages, …
        let counted = printed.lines().find_map(|line| line.split(", ").nth(4).map(str::to_owned));
        assert_eq!(counted.as_deref(), Some(&*messages), "{release}: {printed}");
    }
}

#[test]
#[ignore = "takes a minute: scripts/clients runs it"]
fn the_verifiable_consumer_sees_each_record_once() {
    let stage = Stage::shared();
    for release in ["4.3.1", "3.9.1"] {
        let all = stage.all(Client::Java(release), false);
        let count: usize = all.values().map(Vec::len).sum();
        let door = stage.proxy();
        let (address, group, count) = (door.address(), stage.group(), count.to_string());
        let arguments = [
            "--bootstrap-server",
            &address,
            "--topic",
            TOPIC,
            "--group-id",
            &group,
            "--max-messages",
            &count,
            "--reset-policy",
            "earliest",
            "--verbose",
        ];
        let printed = tool(release, "org.apache.kafka.tools.VerifiableConsumer", &arguments);
        let mut seen: Vec<(i64, i64)> = printed
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|told| told["name"] == "record_data")
            .filter_map(|told| Some((told["partition"].as_i64()?, told["offset"].as_i64()?)))
            .collect();
        seen.sort_unstable();
        let due: Vec<_> = all
            .iter()
            .flat_map(|(partition, all)| all.iter().map(|seen| (i64::from(*partition), seen.0)))
            .collect();
        assert_eq!(seen, due, "{release}");
    }
}
