//! Rights and credentials: each door with exactly its policy, with one right less, and with keys that are not accepted.

mod credentials;
mod doors;
mod missing;
mod signatures;

use firnline_tests::scratch;
use firnline_tests::stores::{Minio, S3User};
use firnline_tests::tier::Tier;
use firnline_tests::tools;
use serde_json::Value;

const PREFIX: &str = "kafka/prod";

/// A fresh bucket, and its tier as the administrator.
fn tier(purpose: &str) -> (String, Tier) {
    let minio = Minio::shared();
    let place = format!("{}/{PREFIX}", minio.bucket(purpose));
    let tier = Tier::s3(&format!("s3://{place}"), &minio.endpoint(), &Minio::root());
    (place, tier)
}

/// What MinIO lists in the bucket of a place.
pub(crate) fn objects(place: &str) -> Vec<String> {
    listed(place, &[])
}

/// The uploads in the bucket of a place that were neither completed nor aborted.
fn unfinished(place: &str) -> Vec<String> {
    listed(place, &["--incomplete"])
}

fn listed(place: &str, flags: &[&str]) -> Vec<String> {
    let bucket = place.split('/').next().expect("a bucket");
    let address = format!("firnline/{bucket}");
    let listed = Minio::shared().mc(&[&["ls", "--recursive"], flags, &[&address]].concat());
    String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
}

/// The policy of a door.
fn policy(door: &str) -> Value {
    let path = tools::source_root().join("minio/policies").join(format!("{door}.json"));
    let text = std::fs::read_to_string(&path).expect("read the policy");
    serde_json::from_str(&text).expect("the policy is JSON")
}

/// The actions that a door's policy allows, in its order.
fn actions(door: &str) -> Vec<String> {
    let policy = policy(door);
    let statements = policy["Statement"].as_array().expect("statements");
    let actions = statements.iter().flat_map(|statement| statement["Action"].as_array().expect("actions"));
    actions.map(|action| action.as_str().expect("an action is text").to_owned()).collect()
}

/// A user with a door's policy but for one action.
fn user_without(door: &str, action: &str, place: &str) -> S3User {
    let mut policy = policy(door);
    for statement in policy["Statement"].as_array_mut().expect("statements") {
        statement["Action"].as_array_mut().expect("actions").retain(|found| found != action);
    }
    let statements = policy["Statement"].as_array_mut().expect("statements");
    statements.retain(|statement| !statement["Action"].as_array().expect("actions").is_empty());
    let directory = scratch::directory("work");
    let file = directory.path().join("one-less.json");
    std::fs::write(&file, policy.to_string()).expect("write the policy");
    Minio::shared().user(file.to_str().expect("a path of ours is text"), place)
}
