//! TLS and logins on real brokers: what is let in, and what each refusal says.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firnline_kafka::security::{ClientCertificate, Login, SecretFile, Security, Tls, TlsMaterial};
use firnline_kafka::{Api, Client, ConnectError, RequestError};
use firnline_offloader::{Cluster as _, ClusterError, KafkaCluster};
use firnline_store::Secret;
use firnline_store::env::{Clock, SystemClock};
use firnline_tests::kafka::{ASKED_VERSIONS, Authority, Cluster, ClusterOptions, Issued, Listener, VERSIONS};

use super::{client, no_topic, run, settings};

fn listener(name: &'static str, protocol: &'static str) -> Listener {
    Listener { name, protocol }
}

fn keystore(options: &mut ClusterOptions, listener: &str, issued: &Issued, authority: &Authority) {
    let mut set = |key: &str, value: String| {
        options.properties.push((format!("listener.name.{listener}.ssl.{key}"), value));
    };
    set("keystore.type", "PEM".to_owned());
    set("keystore.location", issued.both.display().to_string());
    set("truststore.type", "PEM".to_owned());
    set("truststore.location", authority.certificate().display().to_string());
}

fn tls(authority: &Authority, own: Option<&Issued>) -> Tls {
    let client = own.map(|issued| ClientCertificate {
        chain_pem: std::fs::read(&issued.certificate).expect("read the certificate"),
        key_pem: std::fs::read_to_string(&issued.key).expect("read the key").into(),
    });
    let authorities_pem = Some(std::fs::read(authority.certificate()).expect("read the authority"));
    Tls::new(&TlsMaterial { authorities_pem, client }).expect("TLS")
}

fn with(bootstrap: &str, tls: Option<Tls>, login: Option<Login>) -> Client {
    let mut settings = settings(bootstrap);
    settings.security = Security { tls, login };
    client(settings)
}

/// Why a client gets no connection; and its words, for an operator.
async fn refusal(client: &Client) -> (ConnectErrorKind, String) {
    let error = client.refresh().await.expect_err("refused");
    let RequestError::Connect { source, .. } = &error else { panic!("{error:?}") };
    let kind = match &**source {
        ConnectError::SpeaksTls { .. } => "SpeaksTls",
        ConnectError::NotTls { .. } => "NotTls",
        ConnectError::Certificate { .. } => "Certificate",
        ConnectError::OurCertificate { .. } => "OurCertificate",
        ConnectError::Closed { .. } => "Closed",
        ConnectError::Mechanism { .. } => "Mechanism",
        ConnectError::Login { .. } => "Login",
        ConnectError::Secret { .. } => "Secret",
        other => panic!("{other:?}"),
    };
    (kind, source.to_string())
}

type ConnectErrorKind = &'static str;

async fn is_let_in(client: &Client) {
    let told = client.topics_by_id(&[no_topic()]).await.expect("let in");
    assert_eq!(told.len(), 1);
}

#[test]
fn tls_is_checked_on_both_sides_and_each_refusal_says_why() {
    let (ours, foreign) = (Authority::new("ours"), Authority::new("foreign"));
    let here = "IP:127.0.0.1,DNS:localhost";
    for version in ASKED_VERSIONS {
        let mut options = ClusterOptions::single(version);
        options.listeners =
            ["TLS", "MTLS", "EXPIRED", "ELSEWHERE"].map(|name| listener(name, "SSL")).to_vec();
        keystore(&mut options, "tls", &ours.issue("broker", here), &ours);
        keystore(&mut options, "mtls", &ours.issue("broker-m", here), &ours);
        keystore(&mut options, "expired", &ours.issue_expired("broker-e", here), &ours);
        keystore(&mut options, "elsewhere", &ours.issue("broker-o", "DNS:elsewhere.example"), &ours);
        options.properties.push(("listener.name.mtls.ssl.client.auth".into(), "required".into()));
        let cluster = Cluster::start(&options);
        let at = |name| cluster.bootstrap_of(name);
        let trusting = || Some(tls(&ours, None));
        run(async {
            is_let_in(&with(&at("TLS"), trusting(), None)).await;

            let (kind, words) = refusal(&with(&at("TLS"), Some(tls(&foreign, None)), None)).await;
            assert!(kind == "Certificate" && words.contains("vouches for it"), "{version}: {words}");
            let (kind, words) = refusal(&with(&at("EXPIRED"), trusting(), None)).await;
            assert!(kind == "Certificate" && words.contains("has expired"), "{version}: {words}");
            let (kind, words) = refusal(&with(&at("ELSEWHERE"), trusting(), None)).await;
            assert!(
                kind == "Certificate" && words.contains("not made out to 127.0.0.1"),
                "{version}: {words}"
            );

            let (kind, words) = refusal(&with(&at("TLS"), None, None)).await;
            let clear = kind == "SpeaksTls" || words.contains("it may speak TLS");
            assert!(clear, "{version}: {kind}: {words}");
            let (kind, words) = refusal(&with(&cluster.bootstrap(), trusting(), None)).await;
            assert!(kind == "NotTls" && words.contains("may speak plaintext"), "{version}: {words}");

            let own = ours.issue("firnline", "DNS:firnline");
            is_let_in(&with(&at("MTLS"), Some(tls(&ours, Some(&own))), None)).await;
            let (kind, words) = refusal(&with(&at("MTLS"), trusting(), None)).await;
            assert_eq!(kind, "OurCertificate", "{version}: {words}");
            let forged = foreign.issue("firnline", "DNS:firnline");
            let (kind, words) = refusal(&with(&at("MTLS"), Some(tls(&ours, Some(&forged))), None)).await;
            assert_eq!(kind, "OurCertificate", "{version}: {words}");
        });
    }
}

fn secret(text: &str) -> Arc<Secret> {
    Arc::new(Secret::from(text))
}

fn logins(user: &str, password: &str) -> [Login; 3] {
    let (user, password) = (user.to_owned(), secret(password));
    [
        Login::Plain { user: user.clone(), password: password.clone() },
        Login::ScramSha256 { user: user.clone(), password: password.clone() },
        Login::ScramSha512 { user, password },
    ]
}

/// A token that no one signed, as brokers take them for development, valid for so long.
fn token(subject: &str, valid: Duration) -> String {
    let now = SystemClock.now_ms() / 1000;
    let until = now + i64::try_from(valid.as_secs()).expect("a short time");
    let claims = format!(r#"{{"sub":"{subject}","iat":{now},"exp":{until}}}"#);
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims))
}

fn sasl(options: &mut ClusterOptions, listener: &str, reauthenticate_ms: u32) {
    let module = "org.apache.kafka.common.security";
    let mut set = |key: &str, value: &str| {
        options.properties.push((format!("listener.name.{listener}.{key}"), value.to_owned()));
    };
    set("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER");
    let plain = format!("{module}.plain.PlainLoginModule required user_alice=\"alice's own\";");
    set("plain.sasl.jaas.config", &plain);
    let scram = format!("{module}.scram.ScramLoginModule required;");
    set("scram-sha-256.sasl.jaas.config", &scram);
    set("scram-sha-512.sasl.jaas.config", &scram);
    let bearer = format!("{module}.oauthbearer.OAuthBearerLoginModule required;");
    set("oauthbearer.sasl.jaas.config", &bearer);
    for mechanism in ["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"] {
        set(&format!("{mechanism}.connections.max.reauth.ms"), &reauthenticate_ms.to_string());
    }
}

#[test]
fn each_login_is_let_in_and_a_wrong_one_is_told_why() {
    let ours = Authority::new("ours");
    for version in VERSIONS {
        let mut options = ClusterOptions::single(version);
        options.listeners = vec![
            listener("SASL", "SASL_PLAINTEXT"),
            listener("SECURE", "SASL_SSL"),
            listener("PLAINONLY", "SASL_PLAINTEXT"),
        ];
        options.scram_users = vec![("alice", "alice's own")];
        sasl(&mut options, "sasl", 0);
        sasl(&mut options, "secure", 0);
        sasl(&mut options, "plainonly", 0);
        options.properties.push(("listener.name.plainonly.sasl.enabled.mechanisms".into(), "PLAIN".into()));
        keystore(&mut options, "secure", &ours.issue("broker", "IP:127.0.0.1"), &ours);
        let cluster = Cluster::start(&options);
        let (open, secure) = (cluster.bootstrap_of("SASL"), cluster.bootstrap_of("SECURE"));
        run(async {
            for login in logins("alice", "alice's own") {
                let mechanism = login.mechanism();
                is_let_in(&with(&open, None, Some(login.clone()))).await;
                is_let_in(&with(&secure, Some(tls(&ours, None)), Some(login))).await;
                for wrong in logins("alice", "bob's").into_iter().chain(logins("nobody", "alice's own")) {
                    if wrong.mechanism() == mechanism {
                        let (kind, words) = refusal(&with(&open, None, Some(wrong))).await;
                        assert_eq!(kind, "Login", "{version} {mechanism}: {words}");
                        assert!(words.contains("uthentication failed"), "{version} {mechanism}: {words}");
                        assert!(!words.contains("bob's"), "no password in a message");
                    }
                }
            }

            let directory = tempfile::tempdir().expect("a directory");
            let file = directory.path().join("token");
            let write = |text: String| std::fs::write(&file, text).expect("write the token");
            let login = Login::OAuthBearer { token: Arc::new(SecretFile::new(file.clone())) };
            let (kind, words) = refusal(&with(&open, None, Some(login.clone()))).await;
            assert!(kind == "Secret", "{version}: {words}");
            write(token("alice", Duration::from_secs(600)) + "\n");
            is_let_in(&with(&open, None, Some(login.clone()))).await;
            write("no.token.".to_owned());
            let (kind, words) = refusal(&with(&open, None, Some(login.clone()))).await;
            assert_eq!(kind, "Login", "{version}: {words}");

            let [_, _, wrong] = logins("alice", "bob's");
            let refused = KafkaCluster::new(with(&open, None, Some(wrong))).topics(&[no_topic()]).await;
            assert!(matches!(refused, Err(ClusterError::Unauthenticated(_))), "{version}: {refused:?}");

            // A login that is not offered, one where none is asked for, and none where one is.
            let [plain, scram, _] = logins("alice", "alice's own");
            let (kind, words) = refusal(&with(&cluster.bootstrap_of("PLAINONLY"), None, Some(scram))).await;
            assert!(kind == "Mechanism" && words.contains("only by PLAIN"), "{version}: {words}");
            let (kind, words) = refusal(&with(&cluster.bootstrap(), None, Some(plain))).await;
            assert_eq!(kind, "Login", "{version}: {words}");
            let (kind, words) = refusal(&with(&open, None, None)).await;
            assert!(kind == "Closed" && words.contains("may ask for a login"), "{version}: {words}");
        });
    }
}

#[test]
fn a_session_that_ends_is_renewed_on_the_same_connection() {
    let mut options = ClusterOptions::single(VERSIONS[0]);
    options.listeners = vec![listener("SASL", "SASL_PLAINTEXT")];
    options.scram_users = vec![("alice", "alice's own")];
    sasl(&mut options, "sasl", 2_000);
    let cluster = Cluster::start(&options);
    run(async {
        let [_, scram, _] = logins("alice", "alice's own");
        let client = with(&cluster.bootstrap_of("SASL"), None, Some(scram));
        for _ in 0..70 {
            is_let_in(&client).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let count = |api| client.counts().of(api).requests;
        assert_eq!(count(Api::ApiVersions), 1, "one connection");
        // Seven seconds, a session of two: logged in again every 1.7 seconds.
        assert!((4..=6).contains(&count(Api::SaslHandshake)), "{}", count(Api::SaslHandshake));

        // Idle beyond the session's end: a fresh connection, and nobody notices.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        is_let_in(&client).await;
        assert_eq!(count(Api::ApiVersions), 2);
    });
}
