//! Whatever a well-formed request says, it is answered, in its own version and form.

use std::time::Duration;

use firnline_proxy::wire::{Api, Message, Side, Value};
use kafka_protocol::messages::ApiVersionsRequest;

use super::client::{anonymous_reads, settings};
use super::log::Log;
use super::tier::{World, tip};
use crate::frame::{CORRELATION, framed, read};
use crate::sample::{Taste, sample};

/// How many requests of each kind and version.
const SEEDS: u64 = 10;

/// The requests of all kinds and versions that the server says it answers, each with its frame.
fn requests(spoken: &[(i16, i16, i16)]) -> Vec<(Api, i16, Vec<u8>)> {
    let mut requests = Vec::new();
    macro_rules! make {
        ($type:ty, $name:ident) => {
            let (api, side) = (<$type as Message>::API, <$type as Message>::SIDE);
            let versions = spoken.iter().find(|(key, ..)| side == Side::Request && *key == api.key());
            if let Some((_, min, max)) = versions {
                for version in *min..=*max {
                    for seed in 0..SEEDS {
                        let taste = Taste { unknown_tags: true };
                        let body = sample(<$type as Value>::KIND, api.form(version), seed, taste);
                        requests.push((api, version, framed(api, side, version, &body)));
                    }
                }
            }
        };
    }
    each_message!(make);
    requests
}

/// Reads an answer to its last byte.
fn assert_answers(frame: &[u8], asked: Api, version: i16) {
    let mut found = false;
    macro_rules! check {
        ($type:ty, $name:ident) => {
            if <$type as Message>::API == asked && <$type as Message>::SIDE == Side::Response {
                let answer = read::<$type>(frame, version);
                assert!(answer.is_ok(), "{asked} version {version}: {:?}", answer.err());
                found = true;
            }
        };
    }
    each_message!(check);
    assert!(found, "{asked} has no answer");
}

#[tokio::test]
async fn every_well_formed_request_is_answered() {
    let mut log = Log::from(0);
    log.data(10, 50);
    let world = World::new();
    world.topic("orders", 7, 1);
    world.put(tip("orders", 7, 0), &log, &[]);
    let mut settings = settings();
    settings.limits.held = Duration::from_millis(10);
    let running = world.serve_with(anonymous_reads(".*"), settings).await;
    let mut client = running.client().await;
    let spoken = client.ask(0, &ApiVersionsRequest::default()).await.api_keys;
    let spoken: Vec<_> = spoken.iter().map(|api| (api.api_key, api.min_version, api.max_version)).collect();
    let (mut answered, mut unheard) = (0, 0);
    for (api, version, frame) in requests(&spoken) {
        client.send_frame(&frame).await;
        if let Some(answer) = client.frame().await {
            assert_eq!(answer[..4], CORRELATION.to_be_bytes(), "{api} version {version}");
            assert_answers(&answer, api, version);
            answered += 1;
        } else {
            // Only a producer may want no answer.
            assert_eq!(api, Api::PRODUCE, "version {version}");
            client = running.client().await;
            unheard += 1;
        }
    }
    assert!(answered > 500 && unheard < 20, "{answered} answered, {unheard} not");
}
