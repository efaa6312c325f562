//! SeaweedFS: a second S3 server, of other authors and with other habits than MinIO.

use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::{S3User, fresh_name};
use crate::{http, ports, process::Server, scratch, tools};

/// A running SeaweedFS with its S3 gateway.
#[derive(Debug)]
pub struct SeaweedFs {
    port: u16,
    _server: Server,
    _directory: TempDir,
}

impl SeaweedFs {
    /// The server that the whole test binary shares.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<SeaweedFs> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let directory = scratch::directory("seaweedfs");
        let user = Self::user();
        let identities = serde_json::json!({"identities": [{
            "name": "firnline",
            "credentials": [{"accessKey": user.access_key, "secretKey": user.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }]});
        let config = directory.path().join("s3.json");
        std::fs::write(&config, identities.to_string()).expect("write the identities");
        let data = directory.path().join("data");
        std::fs::create_dir(&data).expect("make the data directory");

        let port = ports::free();
        let mut command = Command::new(tools::program("weed"));
        command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        command.arg(format!("-s3.port={port}")).arg(format!("-s3.config={}", config.display()));
        command.arg(format!("-dir={}", data.display()));
        for listener in ["master.port", "volume.port", "filer.port"] {
            command.arg(format!("-{listener}={}", ports::free()));
            command.arg(format!("-{listener}.grpc={}", ports::free()));
        }
        command.arg(format!("-s3.port.grpc={}", ports::free()));
        // No other listener, no reports to anyone, volumes of a size that a test fills. Each bucket takes several of them, and
        // left to itself the server allows as many as the free disk holds when they are full.
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]);
        command.args(["-master.volumeSizeLimitMB=128", "-volume.max=5000"]);
        let mut server = Server::spawn("seaweedfs", &command, &directory.path().join("output"));
        server.wait_until(Duration::from_secs(60), || http::get_status(port, "/healthz") == Some(200));
        Self { port, _server: server, _directory: directory }
    }

    /// The only user.
    pub fn user() -> S3User {
        S3User { access_key: "firnline".to_owned(), secret_key: "firnline-secret".to_owned() }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes a bucket for one test.
    pub fn bucket(&self, purpose: &str) -> String {
        let name = fresh_name(purpose);
        let user = Self::user();
        let config = scratch::directory("work");
        let host = format!("http://{}:{}@127.0.0.1:{}", user.access_key, user.secret_key, self.port);
        let output = Command::new(tools::program("mc"))
            .arg("--config-dir")
            .arg(config.path())
            .args(["mb", "--quiet", &format!("weed/{name}")])
            .env("MC_HOST_weed", host)
            .output()
            .expect("run mc");
        assert!(output.status.success(), "make a bucket: {}", String::from_utf8_lossy(&output.stderr));
        name
    }
}
