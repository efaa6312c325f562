//! Which requests are answered, and what becomes of the others.

use bytes::Buf;
use firnline_proxy::wire::messages::api_versions::ApiVersionsResponse;
use firnline_proxy::wire::{Api, TABLE};
use kafka_protocol::messages::ApiVersionsRequest;

use super::client::text;
use super::tier::World;

fn frame(api: i16, version: i16, rest: &[u8]) -> Vec<u8> {
    [&api.to_be_bytes()[..], &version.to_be_bytes(), &77_i32.to_be_bytes(), &(-1_i16).to_be_bytes(), rest]
        .concat()
}

#[tokio::test]
async fn what_is_spoken_is_told_in_every_version() {
    let world = World::new();
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in 0..=4 {
        let request = ApiVersionsRequest::default();
        let request = match version {
            0..3 => request,
            _ => request.with_client_software_name(text("test")).with_client_software_version(text("1")),
        };
        let response = client.ask(version, &request).await;
        assert_eq!(response.error_code, 0);
        let spoken: Vec<_> =
            response.api_keys.iter().map(|api| (api.api_key, api.min_version, api.max_version)).collect();
        assert_eq!(
            spoken,
            [
                (0, 0, 13),
                (1, 4, 18),
                (2, 1, 11),
                (3, 0, 13),
                (8, 2, 10),
                (9, 1, 10),
                (10, 0, 6),
                (11, 0, 9),
                (12, 0, 4),
                (13, 0, 5),
                (14, 0, 5),
                (15, 0, 6),
                (16, 0, 5),
                (17, 0, 1),
                (18, 0, 5),
                (21, 0, 2),
                (22, 0, 5),
                (23, 0, 4),
                (32, 1, 4),
                (36, 0, 2),
                (42, 0, 3),
                (47, 0, 0),
                (60, 0, 2),
            ]
        );
    }
}

#[tokio::test]
async fn a_client_that_is_too_new_is_told_so_in_the_oldest_words() {
    let world = World::new();
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in [6, 7, i16::MAX] {
        client.send_frame(&frame(Api::API_VERSIONS.key(), version, &[0, 1, 1, 0])).await;
        let mut answer = client.frame().await.expect("an answer");
        let (spoken, response) = ApiVersionsResponse::answered(&answer, version).unwrap();
        assert_eq!((spoken, response.error_code), (0, 35));
        assert!(response.api_keys.iter().any(|api| (api.api_key, api.max_version) == (18, 5)));
        assert_eq!(answer.get_i32(), 77);
    }
    // The connection goes on.
    assert_eq!(client.ask(0, &ApiVersionsRequest::default()).await.error_code, 0);
}

#[tokio::test]
async fn a_request_that_is_not_answered_ends_its_connection_alone() {
    let world = World::new();
    let running = world.serve().await;
    let mut bystander = running.client().await;
    let unanswered = TABLE.iter().flat_map(|row| {
        let spoken = [
            (0, 0, 13),
            (1, 4, 18),
            (2, 1, 11),
            (3, 0, 13),
            (8, 2, 10),
            (9, 1, 10),
            (10, 0, 6),
            (11, 0, 9),
            (12, 0, 4),
            (13, 0, 5),
            (14, 0, 5),
            (15, 0, 6),
            (16, 0, 5),
            (17, 0, 1),
            (21, 0, 2),
            (22, 0, 5),
            (23, 0, 4),
            (32, 1, 4),
            (36, 0, 2),
            (42, 0, 3),
            (47, 0, 0),
            (60, 0, 2),
        ];
        let key = row.api.key();
        let outside = move |version: &i16| {
            key != 18 && !spoken.iter().any(|(api, min, max)| *api == key && (*min..=*max).contains(version))
        };
        [-1, 0, row.versions.max, row.versions.max + 1]
            .into_iter()
            .filter(outside)
            .map(move |version| (key, version))
    });
    for (key, version) in unanswered.chain([(-1, 0), (95, 0), (i16::MAX, 3), (i16::MIN, 0)]) {
        let mut client = running.client().await;
        client.send_frame(&frame(key, version, &[0; 8])).await;
        assert_eq!(client.frame().await, None, "request {key} version {version}");
    }
    assert_eq!(bystander.ask(0, &ApiVersionsRequest::default()).await.error_code, 0);
}

#[tokio::test]
async fn bytes_that_are_no_request_end_their_connection() {
    let world = World::new();
    let running = world.serve().await;
    let sent: [&[u8]; 7] = [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0],
        &[0xff; 16],
        &[0, 0, 0, 0],
        &[0, 0, 0, 3, 0, 1, 0],
        &i32::MAX.to_be_bytes(),
        // A fetch that claims two thousand million topics.
        &[&[0, 0, 0, 33][..], &frame(1, 4, &[&[0; 17][..], &[0x7f, 0xff, 0xff, 0xff, 0, 0]].concat())]
            .concat(),
    ];
    for bytes in sent {
        let mut client = running.client().await;
        client.send_bytes(bytes).await;
        assert_eq!(client.frame().await, None, "{bytes:?}");
    }
    let mut client = running.client().await;
    assert_eq!(client.ask(0, &ApiVersionsRequest::default()).await.error_code, 0);
}
