//! Against a server on this machine that answers by a table of paths.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;

type Pages = Arc<Mutex<HashMap<String, (u16, String)>>>;

/// A registry that has some pages, until it is dropped.
struct Server {
    url: String,
    /// How often it was asked.
    asked: Arc<AtomicUsize>,
    /// What it was asked.
    heads: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

async fn serve(pages: Pages) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let (asked, heads) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (counted, kept) = (Arc::clone(&asked), Arc::clone(&heads));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.spawn(answer(stream, Arc::clone(&pages), Arc::clone(&counted), Arc::clone(&kept)));
        }
    });
    Server { url, asked, heads, _tasks: tasks }
}

/// Answers one request.
async fn answer(
    mut stream: TcpStream,
    pages: Pages,
    asked: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    asked.fetch_add(1, Ordering::SeqCst);
    let head = String::from_utf8(head).expect("a request");
    let path = head.split(' ').nth(1).expect("a path").to_owned();
    heads.lock().expect("a list").push(head);
    let page = pages.lock().expect("pages").get(&path).cloned();
    let (status, body) =
        page.unwrap_or((404, r#"{"error_code":40403,"message":"Schema not found"}"#.to_owned()));
    let answer =
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn pages(of: &[(&str, u16, &str)]) -> Pages {
    let of = of.iter().map(|(path, status, body)| ((*path).to_owned(), (*status, (*body).to_owned())));
    Arc::new(Mutex::new(of.collect()))
}

fn registry(urls: Vec<String>, auth: RegistryAuth) -> HttpRegistry {
    let settings = RegistrySettings { urls, auth, timeout: Duration::from_secs(5) };
    // As the store does it for the whole program.
    let _ = rustls::crypto::ring::default_provider().install_default();
    HttpRegistry::new(reqwest::Client::builder().no_proxy().build().expect("a client"), settings)
}

const ID: &str = r#"{"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"Other\"}]}",
    "references":[{"name":"Other","subject":"an other","version":3}]}"#;
const OTHER: &str = r#"{"schema":"{\"type\":\"record\",\"name\":\"Other\",\"fields\":[{\"name\":\"b\",\"type\":\"int\"}]}","id":9}"#;

#[tokio::test]
async fn a_schema_comes_with_what_it_refers_to_and_is_asked_for_once() {
    let Server { url, asked, heads, _tasks } = serve(pages(&[
        ("/schemas/ids/7", 200, ID),
        ("/subjects/an%20other/versions/3?deleted=true", 200, OTHER),
    ]))
    .await;
    let registry =
        registry(vec![url], RegistryAuth::Basic { user: "u".to_owned(), password: "p".to_owned() });
    let (one, two) = tokio::join!(registry.by_id(7), registry.by_id(7));
    let fields = one.expect("a schema").fields().expect("fields");
    assert!(fields[0].data_type().to_string().contains("Int32"), "{fields:?}");
    two.expect("the same");
    registry.by_id(7).await.expect("kept");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert!(heads.lock().expect("heads")[0].contains("authorization: Basic dTpw"));
}

#[tokio::test]
async fn what_is_not_there_is_told_apart_from_a_registry_that_is_not() {
    let broken = r#"{"error_code":50001,"message":"Error in the backend data store"}"#;
    let unknown = r#"{"schema":"x","schemaType":"THRIFT"}"#;
    let Server { url, _tasks, .. } = serve(pages(&[
        ("/schemas/ids/1", 500, broken),
        ("/schemas/ids/2", 401, "who are you"),
        ("/schemas/ids/3", 200, unknown),
        ("/schemas/ids/4", 200, r#"{"schema":"{}"}"#),
        ("/schemas/ids/5", 200, "<html>"),
        ("/schemas/ids/8", 404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#),
        ("/schemas/ids/9", 404, "<html>"),
    ]))
    .await;
    let registry = registry(vec![url], RegistryAuth::Nobody);
    let RegistryError::Refused { status: 500, message, .. } = registry.by_id(1).await.expect_err("broken")
    else {
        panic!("it refuses")
    };
    assert_eq!(message, "Error in the backend data store");
    assert!(registry.by_id(2).await.expect_err("refused").is_of_the_registry());
    assert!(matches!(registry.by_id(3).await, Err(RegistryError::Invalid { .. })));
    assert!(matches!(registry.by_id(4).await, Err(RegistryError::Invalid { .. })));
    assert!(registry.by_id(5).await.expect_err("no registry").is_of_the_registry());
    for wrong in [8, 9] {
        assert!(registry.by_id(wrong).await.expect_err("a wrong address").is_of_the_registry());
    }
    assert!(matches!(registry.by_id(6).await, Err(RegistryError::NotFound { .. })));
    assert!(matches!(registry.by_guid([7; 16]).await, Err(RegistryError::NotFound { .. })));
}

#[tokio::test]
async fn the_next_address_is_asked_where_one_does_not_answer() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let dead = format!("http://{}", gone.local_addr().expect("its address"));
    drop(gone);
    let known = pages(&[("/schemas/ids/9", 200, OTHER), ("/subjects/s/versions/latest", 200, OTHER)]);
    let Server { url, asked, _tasks, .. } = serve(Arc::clone(&known)).await;
    let both = registry(vec![dead.clone(), format!("{url}/")], RegistryAuth::Nobody);
    both.by_id(9).await.expect("from the second");
    both.latest("s").await.expect("from the second");
    both.latest("s").await.expect("asked again");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    both.by_id(1).await.expect_err("not there, which is an answer");
    let error = registry(vec![dead], RegistryAuth::Nobody).by_id(9).await.expect_err("nobody is there");
    assert!(matches!(error, RegistryError::Unreachable { .. }));
}

#[tokio::test]
async fn that_there_is_none_is_not_believed_for_ever() {
    let known = pages(&[]);
    let Server { url, asked, _tasks, .. } = serve(Arc::clone(&known)).await;
    let registry = registry(vec![url], RegistryAuth::Nobody);
    assert!(registry.by_id(9).await.is_err());
    known.lock().expect("pages").insert("/schemas/ids/9".to_owned(), (200, OTHER.to_owned()));
    assert!(registry.by_id(9).await.is_err(), "it is believed for a while");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    registry.by_id(9).await.expect("it is there by now");
}
