//! The Google Cloud Storage emulator: fake-gcs-server behind the XML API of `tests/gcs`.

use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::fresh_name;
use crate::{http, ports, process::Server, scratch, tools};

/// A running emulator; its objects are in its memory.
#[derive(Debug)]
pub struct Gcs {
    port: u16,
    _server: Server,
    _directory: TempDir,
}

impl Gcs {
    /// The emulator that the whole test binary shares.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Gcs> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let directory = scratch::directory("gcs");
        let port = ports::free();
        let mut command = Command::new(tools::program("firnline-gcs"));
        command.args(["-port", &port.to_string()]);
        let mut server = Server::spawn("gcs", &command, &directory.path().join("output"));
        server.wait_until(Duration::from_secs(30), || {
            http::get_status(port, "/_internal/healthcheck") == Some(200)
        });
        Self { port, _server: server, _directory: directory }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A service account file of the kind that needs no token.
    pub fn service_account(&self) -> String {
        serde_json::json!({
            "type": "service_account",
            "gcs_base_url": self.endpoint(),
            "disable_oauth": true,
            "client_email": "",
            "private_key": "",
            "private_key_id": "",
        })
        .to_string()
    }

    /// Makes a bucket for one test.
    pub fn bucket(&self, purpose: &str) -> String {
        let name = fresh_name(purpose);
        let body = serde_json::json!({"name": name}).to_string();
        let status =
            http::request_status(self.port, "POST", "/storage/v1/b?project=firnline", body.as_bytes());
        assert_eq!(status, Some(200), "make bucket {name}");
        name
    }
}
