//! What goes over the wire and what is made of the answers, against a server that answers by script.

mod answers;
mod requests;
mod rights;
mod server;
mod tls;

use firnline_store::credentials::{AwsKeys, CredentialInputs};
use firnline_store::{Env, Secret, Store, StoreSettings};
use server::Server;
use std::time::Duration;

fn settings(url: &str, server: &Server) -> StoreSettings {
    let mut settings = StoreSettings::new(url.parse().expect("valid address"));
    settings.endpoint = Some(format!("http://127.0.0.1:{}", server.port));
    settings.allow_http = true;
    settings.retry.base = Duration::from_millis(1);
    settings.part_size = firnline_store::MIN_PART_SIZE;
    settings
}

fn keys() -> CredentialInputs {
    let keys = AwsKeys {
        access_key_id: "AKIAEXAMPLE".to_owned(),
        secret_access_key: Secret::new("not-a-secret"),
        session_token: None,
    };
    CredentialInputs { aws_keys: Some(keys), ..CredentialInputs::default() }
}

fn s3(server: &Server) -> Store {
    Store::open(settings("s3://bucket/pre/fix", server), &keys(), Env::system()).expect("open")
}

fn gcs(server: &Server) -> Store {
    let settings = settings("gs://bucket/pre/fix", server);
    Store::open(settings, &CredentialInputs::anonymous(), Env::system()).expect("open")
}

fn azure(server: &Server) -> Store {
    let mut settings = settings("az://bucket/pre/fix", server);
    settings.account = Some("account".to_owned());
    Store::open(settings, &CredentialInputs::anonymous(), Env::system()).expect("open")
}
