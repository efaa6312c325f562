use std::time::Duration;

use firnline_index::FORMAT_VERSION;
use firnline_index::ids::ClusterId;
use firnline_index::marker::TierMarker;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::{OpenTierError, Tier};

use crate::support::*;

async fn open_for_writing(world: &World, cluster: &ClusterId) -> Result<Tier, OpenTierError> {
    let parts = world.parts();
    let settings = settings(&parts.store);
    Tier::open_for_writing(parts, settings, cluster).await
}

async fn open(world: &World) -> Result<Tier, OpenTierError> {
    let parts = world.parts();
    let settings = settings(&parts.store);
    Tier::open(parts, settings).await
}

#[tokio::test(start_paused = true)]
async fn a_writer_makes_a_tier_in_an_empty_prefix_and_a_reader_finds_it() {
    let world = World::new(1);
    assert!(matches!(open(&world).await, Err(OpenTierError::Empty { .. })));
    open_for_writing(&world, &cluster()).await.unwrap();
    assert_eq!(world.sim.keys(), ["firnline.json"]);
    assert_eq!(open(&world).await.unwrap().cluster_id(), &cluster());
}

#[tokio::test(start_paused = true)]
async fn two_who_make_it_at_once_get_the_same_tier() {
    for seed in 0..20 {
        let world = World::new(seed);
        world.sim.latency(Duration::from_millis(1)..Duration::from_millis(50));
        let (a, b) = (cluster(), cluster());
        let (one, two) =
            futures::future::join(open_for_writing(&world, &a), open_for_writing(&world, &b)).await;
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.marker(), two.marker());
        assert_eq!(world.sim.keys(), ["firnline.json"]);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_clusters_that_make_it_at_once_one_is_refused() {
    let world = World::new(30);
    world.sim.latency(Duration::from_millis(1)..Duration::from_millis(50));
    let (a, b) = (cluster(), ClusterId::new("cluster-b").unwrap());
    let (one, two) = futures::future::join(open_for_writing(&world, &a), open_for_writing(&world, &b)).await;
    let refused = [one.map(drop), two.map(drop)].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(&refused[..], [OpenTierError::OtherCluster { .. }]), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_prefix_of_somebody_elses_objects_is_not_a_tier() {
    let world = World::new(3);
    world.sim.plant("holiday/photo.jpg", "jpeg");
    for opened in [open(&world).await, open_for_writing(&world, &cluster()).await] {
        let error = opened.unwrap_err();
        assert!(matches!(&error, OpenTierError::NotATier { example, .. } if example == "holiday/photo.jpg"));
    }
    assert_eq!(world.sim.keys(), ["holiday/photo.jpg"], "nothing was written, not even to try");
}

#[tokio::test(start_paused = true)]
async fn another_clusters_tier_is_refused_with_both_ids() {
    let world = World::new(4);
    open_for_writing(&world, &cluster()).await.unwrap();
    let before = world.sim.trace().len();
    let error = open_for_writing(&world, &ClusterId::new("cluster-b").unwrap()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("cluster-a") && text.contains("cluster-b"), "{text}");
    assert_eq!(world.sim.trace().len(), before + 1, "one read, and no write");
}

#[tokio::test(start_paused = true)]
async fn a_newer_format_is_refused_naming_both() {
    let world = World::new(5);
    open_for_writing(&world, &cluster()).await.unwrap();
    let text = String::from_utf8(world.sim.peek("firnline.json").unwrap().to_vec()).unwrap();
    let newer = text.replace("\"format\": 1", "\"format\": 7");
    let body = &newer[..newer.find(",\n  \"checksum\"").unwrap()];
    let crc = firnline_index::Crc32c::of(body.as_bytes());
    world.sim.plant("firnline.json", format!("{body},\n  \"checksum\": \"crc32c:{crc}\"\n}}\n"));
    let error = open(&world).await.unwrap_err();
    assert!(matches!(error, OpenTierError::Newer { found: 7, .. }), "{error}");
    assert!(error.to_string().contains("format 7") && error.to_string().contains("up to 1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_marker_is_named_and_never_replaced() {
    let world = World::new(6);
    open_for_writing(&world, &cluster()).await.unwrap();
    let mut bytes = world.sim.peek("firnline.json").unwrap().to_vec();
    bytes[20] ^= 1;
    world.sim.plant("firnline.json", bytes.clone());
    for opened in [open(&world).await, open_for_writing(&world, &cluster()).await] {
        assert!(matches!(opened, Err(OpenTierError::Marker { .. })));
    }
    assert_eq!(world.sim.peek("firnline.json").unwrap(), bytes);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_ignores_conditions_is_refused_before_the_first_write() {
    let world = World::new(7);
    world.sim.rule(
        Rule::new(SimFault::IgnoredCondition, When::Always).on(&[RequestKind::Create, RequestKind::Update]),
    );
    let error = open_for_writing(&world, &cluster()).await.unwrap_err();
    assert!(matches!(error, OpenTierError::Unfit { .. }), "{error}");
    assert_eq!(world.sim.keys(), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_reached_does_not_look_empty() {
    let world = World::new(8);
    world.sim.rule(Rule::new(SimFault::ServerError, When::Always));
    assert!(matches!(open(&world).await, Err(OpenTierError::Store { .. })));
    assert!(matches!(open_for_writing(&world, &cluster()).await, Err(OpenTierError::Store { .. })));
}

#[tokio::test(start_paused = true)]
async fn reading_needs_no_right_to_write() {
    let world = World::new(9);
    put(&world.tier().await, &tip(0), &Log::plain(4, 100)).await;
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[
        RequestKind::Put,
        RequestKind::Create,
        RequestKind::Update,
        RequestKind::Begin,
        RequestKind::Delete,
    ]));
    let tier = open(&world).await.unwrap();
    let head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    assert_eq!(read_all(&tier, &head.manifest).await, Log::plain(4, 100).bytes());
}

/// The marker as a build of the preview left it.
fn plant_preview(world: &World) {
    let marker = TierMarker { format: 0, ..TierMarker::new(cluster(), Duration::from_secs(300)).unwrap() };
    world.sim.plant("firnline.json", marker.encode().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_writer_raises_the_format_of_a_preview_and_a_reader_leaves_it() {
    let world = World::new(40);
    plant_preview(&world);
    assert_eq!(open(&world).await.unwrap().marker().format, 0);
    assert_eq!(open_for_writing(&world, &cluster()).await.unwrap().marker().format, FORMAT_VERSION);
    assert_eq!(open(&world).await.unwrap().marker().format, FORMAT_VERSION);
    world
        .sim
        .on_request(|kind, key| assert!(key != "firnline.json" || kind == RequestKind::Get, "raised once"));
    open_for_writing(&world, &cluster()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_who_raise_a_format_at_once_both_get_the_tier_raised() {
    for seed in 0..20 {
        let world = World::new(seed);
        world.sim.latency(Duration::from_millis(1)..Duration::from_millis(50));
        plant_preview(&world);
        let (a, b) = (cluster(), cluster());
        let (one, two) =
            futures::future::join(open_for_writing(&world, &a), open_for_writing(&world, &b)).await;
        assert_eq!(one.unwrap().marker(), two.unwrap().marker());
        assert_eq!(open(&world).await.unwrap().marker().format, FORMAT_VERSION);
    }
}
