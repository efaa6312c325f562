//! Tokens from a real server, and what a catalog's refusal of one leads to.

use super::super::auth::Auth;
use super::super::caller::{CallError, Caller, Repeat};
use super::super::testing::{Asked, Reply, Server, env, http_settings, nobody, ok};
use super::*;
use firnline_store::Env;
use firnline_store::env::ManualClock;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

fn client() -> OAuth2 {
    OAuth2 {
        endpoint: None,
        client_id: Some("id".to_owned()),
        client_secret: "s ecret".into(),
        scope: None,
        parameters: vec![("audience".to_owned(), "a&b".to_owned())],
    }
}

/// A token server that numbers its tokens, and a catalog that accepts those from `least` on.
async fn server(life: Option<i64>, least: usize) -> Server {
    let given = AtomicUsize::new(0);
    Server::start(move |asked: &Asked| {
        if asked.target == "/v1/oauth/tokens" {
            let number = given.fetch_add(1, Ordering::SeqCst);
            return ok(
                json!({"access_token": format!("t{number}"), "token_type": "Bearer", "expires_in": life}),
            );
        }
        let shown = asked.header("authorization").unwrap();
        let number: usize = shown.strip_prefix("Bearer t").unwrap().parse().unwrap();
        if number < least { Reply::Json(401, json!({})) } else { ok(json!({})) }
    })
    .await
}

fn caller(url: &str, clock: &Arc<ManualClock>) -> Caller {
    let env = Env { clock: Arc::clone(clock) as Arc<dyn Clock>, ..env() };
    Caller::new(http_settings(), Auth::OAuth2(client()), url, env, |_| false).unwrap()
}

fn request(url: &str) -> Request {
    Request { method: Method::POST, url: format!("{url}/x"), headers: HeaderMap::new(), body: Bytes::new() }
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_renewed_before_its_end() {
    let server = server(Some(3600), 0).await;
    let clock = Arc::new(ManualClock::at(1_000_000));
    let caller = caller(&server.url, &clock);
    for (at_s, token) in [(0, "t0"), (3500, "t0"), (3541, "t1"), (3600, "t1")] {
        clock.set(1_000_000 + at_s * 1000);
        caller.call(&request(&server.url), Repeat::NeverCommit).await.unwrap();
        let shown = server.asked().last().unwrap().header("authorization").unwrap();
        assert_eq!(shown, format!("Bearer {token}"), "{at_s}");
    }
    let asked = server.asked();
    assert_eq!(asked.len(), 6);
    let form =
        "grant_type=client_credentials&client_id=id&client_secret=s+ecret&scope=catalog&audience=a%26b";
    assert_eq!(asked[0].body, form);
    assert_eq!(asked[0].header("authorization"), None);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_even_for_a_commit() {
    let accepting = server(None, 1).await;
    let clock = Arc::new(ManualClock::at(0));
    let answer =
        caller(&accepting.url, &clock).call(&request(&accepting.url), Repeat::NeverCommit).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(accepting.asked().len(), 4);

    let refusing = server(None, 100).await;
    let answer = caller(&refusing.url, &clock).call(&request(&refusing.url), Repeat::Safe).await.unwrap();
    assert_eq!((answer.status.as_u16(), refusing.asked().len()), (401, 4));
}

#[tokio::test]
async fn many_requests_at_once_share_one_token() {
    let server = server(Some(3600), 0).await;
    let caller = caller(&server.url, &Arc::new(ManualClock::at(0)));
    let request = request(&server.url);
    let calls = (0..10).map(|_| caller.call(&request, Repeat::Never));
    for answer in futures::future::join_all(calls).await {
        assert_eq!(answer.unwrap().status, 200);
    }
    let tokens = server.asked().iter().filter(|asked| asked.target == "/v1/oauth/tokens").count();
    assert_eq!(tokens, 1);
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_a_valid_token_in_use() {
    let given = AtomicUsize::new(0);
    let server = Server::start(move |asked: &Asked| {
        if asked.target != "/v1/oauth/tokens" {
            return ok(json!({}));
        }
        match given.fetch_add(1, Ordering::SeqCst) {
            0 => ok(json!({"access_token": "first", "token_type": "bearer", "expires_in": 100})),
            _ => Reply::Json(503, json!({})),
        }
    })
    .await;
    let clock = Arc::new(ManualClock::at(0));
    let caller = caller(&server.url, &clock);
    for at_ms in [0, 80_000, 99_000] {
        clock.set(at_ms);
        caller.call(&request(&server.url), Repeat::Never).await.unwrap();
        assert_eq!(server.asked().last().unwrap().header("authorization").unwrap(), "Bearer first");
    }
    clock.set(100_000);
    let error = caller.call(&request(&server.url), Repeat::Never).await.unwrap_err();
    assert!(matches!(error, CallError::Auth(AuthError::Unavailable { .. })), "{error:?}");
}

#[tokio::test]
async fn refusals_say_why_and_never_show_the_secret() {
    for (reply, unavailable, text) in [
        (
            Reply::Json(400, json!({"error": "invalid_scope", "error_description": "no such"})),
            false,
            "invalid_scope: no such",
        ),
        (Reply::Json(401, json!({"error": "invalid_client"})), false, "invalid_client"),
        (Reply::Json(404, json!("s ecret")), false, "HTTP 404"),
        (Reply::Json(500, json!({})), true, "HTTP 500"),
        (Reply::Json(429, json!({})), true, "HTTP 429"),
        (ok(json!({"token": "leak"})), true, "no access_token"),
        (ok(json!({"access_token": "leak", "token_type": "mac"})), false, "`bearer`"),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        let caller = caller(&server.url, &Arc::new(ManualClock::at(0)));
        let error = caller.call(&request(&server.url), Repeat::Never).await.unwrap_err();
        let CallError::Auth(error) = error else { panic!("{error:?}") };
        assert_eq!(matches!(error, AuthError::Unavailable { .. }), unavailable, "{text}");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(text), "{shown}");
        assert!(!shown.contains("s ecret") && !shown.contains("leak"), "{shown}");
    }
    let url = nobody().await;
    let caller = caller(&url, &Arc::new(ManualClock::at(0)));
    let error = caller.call(&request(&url), Repeat::Never).await.unwrap_err();
    assert!(matches!(error, CallError::Auth(AuthError::Unavailable { .. })), "{error:?}");
}
