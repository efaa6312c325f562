//! What is made again and what is not, against a real server.

use super::super::testing::{Reply, Server, env, http_settings, nobody, ok};
use super::*;
use bytes::Bytes;
use firnline_store::Secret;
use http::{HeaderMap, Method};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

fn caller(url: &str, auth: Auth) -> Caller {
    let transient = |answer: &Answer| is_transient_status(answer.status);
    Caller::new(http_settings(), auth, url, env(), transient).unwrap()
}

fn request(url: &str) -> Request {
    Request {
        method: Method::POST,
        url: format!("{url}/x"),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
    }
}

/// Answers in turn, the last one for ever.
fn in_turn(replies: Vec<Reply>) -> impl Fn(&super::super::testing::Asked) -> Reply + Send + Sync + 'static {
    let number = AtomicUsize::new(0);
    move |_| {
        let at = number.fetch_add(1, Ordering::SeqCst).min(replies.len() - 1);
        replies[at].clone()
    }
}

#[tokio::test]
async fn questions_are_asked_again_until_they_are_answered() {
    for trouble in [Reply::Json(503, json!({})), Reply::Json(429, json!({})), Reply::Cut, Reply::Hang] {
        let server = Server::start(in_turn(vec![trouble.clone(), trouble, ok(json!({"a": 1}))])).await;
        let answer = caller(&server.url, Auth::None).call(&request(&server.url), Repeat::Safe).await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(server.asked().len(), 3);
    }
}

#[tokio::test]
async fn questions_are_given_up_after_the_last_attempt() {
    let server = Server::start(|_| Reply::Json(500, json!({}))).await;
    let answer = caller(&server.url, Auth::None).call(&request(&server.url), Repeat::Safe).await.unwrap();
    assert_eq!((answer.status.as_u16(), server.asked().len()), (500, 4));
    let url = nobody().await;
    let error = caller(&url, Auth::None).call(&request(&url), Repeat::Safe).await.unwrap_err();
    assert!(matches!(error, CallError::Fault(Fault::Unsent(_))), "{error:?}");
}

#[tokio::test]
async fn a_pause_that_a_server_asks_for_ends_the_call_where_it_is_beyond_the_deadline() {
    let reply = Reply::Raw(503, vec![("retry-after", "60".to_owned())], Bytes::new());
    let server = Server::start(move |_| reply.clone()).await;
    let answer = caller(&server.url, Auth::None).call(&request(&server.url), Repeat::Safe).await.unwrap();
    assert_eq!(answer.retry_after, Some(Duration::from_secs(60)));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_changes_something_is_sent_once_whatever_comes_of_it() {
    for trouble in [Reply::Json(503, json!({})), Reply::Json(429, json!({})), Reply::Cut, Reply::Hang] {
        for repeat in [Repeat::Never, Repeat::NeverCommit] {
            let (reply, server_reply) = (trouble.clone(), trouble.clone());
            let server = Server::start(move |_| server_reply.clone()).await;
            let outcome = caller(&server.url, Auth::None).call(&request(&server.url), repeat).await;
            match reply {
                Reply::Json(status, _) => assert_eq!(outcome.unwrap().status.as_u16(), status),
                _ => assert!(matches!(outcome, Err(CallError::Fault(Fault::Lost(_))))),
            }
            // A client that sends it again would have done so by now.
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(server.asked().len(), 1, "{trouble:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_meanwhile_is_not_an_unknown_outcome() {
    // Each answer closes its connection, so that the next request finds a dead one in the pool, or none.
    let reply = Reply::Raw(200, vec![("connection", "close".to_owned())], Bytes::from_static(b"{}"));
    let server = Server::start(move |_| reply.clone()).await;
    let caller = caller(&server.url, Auth::None);
    for _ in 0..20 {
        caller.call(&request(&server.url), Repeat::NeverCommit).await.unwrap();
    }
    assert_eq!(server.asked().len(), 20);
}

#[tokio::test]
async fn redirects_are_answers() {
    let server =
        Server::start(|_| Reply::Raw(307, vec![("location", "/elsewhere".to_owned())], Bytes::new())).await;
    let answer =
        caller(&server.url, Auth::None).call(&request(&server.url), Repeat::NeverCommit).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.location.as_deref()), (307, Some("/elsewhere")));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let body = Bytes::from(vec![b' '; super::super::http::MAX_ANSWER + 1]);
    let server = Server::start(move |_| Reply::Raw(200, Vec::new(), body.clone())).await;
    let mut settings = http_settings();
    settings.attempt = Duration::from_secs(30);
    let caller = Caller::new(settings, Auth::None, &server.url, env(), |_| true).unwrap();
    let error = caller.call(&request(&server.url), Repeat::Safe).await.unwrap_err();
    assert!(matches!(error, CallError::Fault(Fault::TooLong)), "{error:?}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_bearer_token_is_shown_and_a_refusal_of_it_is_final() {
    let server = Server::start(|_| Reply::Json(401, json!({}))).await;
    let caller = caller(&server.url, Auth::Bearer(Secret::from("tok")));
    let answer = caller.call(&request(&server.url), Repeat::Safe).await.unwrap();
    assert_eq!(answer.status, 401);
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].header("authorization")), (1, Some("Bearer tok".to_owned())));
}
