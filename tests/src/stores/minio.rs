//! MinIO, with buckets and users made by the scripts of `minio/` that a person uses.

use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::fresh_name;
use crate::{http, ports, process::Server, scratch, tools};

/// Credentials of an S3 user.
#[derive(Debug, Clone)]
pub struct S3User {
    /// Access key id.
    pub access_key: String,
    /// Secret access key.
    pub secret_key: String,
}

/// A running MinIO server.
#[derive(Debug)]
pub struct Minio {
    port: u16,
    _server: Server,
    _directory: TempDir,
}

impl Minio {
    /// The server that the whole test binary shares.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Minio> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Starts a server of its own, with environment variables such as `MINIO_SITE_REGION` or a preloaded library.
    pub fn start(environment: &[(&str, &str)]) -> Self {
        let directory = scratch::directory("minio");
        let port = ports::free();
        let root = Self::root();
        let mut command = Command::new(tools::program("minio"));
        command
            .args(["server", "--quiet", "--address", &format!("127.0.0.1:{port}")])
            .arg(directory.path().join("data"))
            .env("MINIO_ROOT_USER", &root.access_key)
            .env("MINIO_ROOT_PASSWORD", &root.secret_key)
            .env("MINIO_BROWSER", "off")
            .env("MINIO_UPDATE", "off")
            .envs(environment.iter().copied());
        let mut server = Server::spawn("minio", &command, &directory.path().join("output"));
        server.wait_until(Duration::from_secs(60), || {
            http::get_status(port, "/minio/health/ready") == Some(200)
        });
        Self { port, _server: server, _directory: directory }
    }

    /// The server's own administrator.
    pub fn root() -> S3User {
        S3User { access_key: "firnline".to_owned(), secret_key: "firnline-secret".to_owned() }
    }

    /// The port on the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes a bucket for one test.
    pub fn bucket(&self, purpose: &str) -> String {
        let name = fresh_name(purpose);
        self.script("bucket", &[&name]);
        name
    }

    /// Makes a user who has exactly the rights of a door (`writer`, `retention`, `reader`) or of a policy file given by
    /// path, on `BUCKET/PREFIX` or `BUCKET`.
    pub fn user(&self, door: &str, tier: &str) -> S3User {
        let user =
            S3User { access_key: fresh_name("user"), secret_key: "a-secret-of-some-length".to_owned() };
        self.script("user", &[door, tier, &user.access_key, &user.secret_key]);
        user
    }

    /// Runs `mc` as the administrator; the server is called `firnline`, as in `firnline/BUCKET/KEY`.
    pub fn mc(&self, arguments: &[&str]) -> Output {
        let root = Self::root();
        let config = scratch::directory("work");
        let host = format!("http://{}:{}@127.0.0.1:{}", root.access_key, root.secret_key, self.port);
        let mut command = Command::new(tools::program("mc"));
        command.arg("--config-dir").arg(config.path()).args(arguments).env("MC_HOST_firnline", host);
        run(&mut command)
    }

    fn script(&self, name: &str, arguments: &[&str]) {
        let root = Self::root();
        let mut command = Command::new(tools::source_root().join("minio").join(name));
        command
            .args(arguments)
            .env("FIRNLINE_BUILD_CACHE", tools::build_cache())
            .env("MINIO_ENDPOINT", self.endpoint())
            .env("MINIO_ROOT_USER", &root.access_key)
            .env("MINIO_ROOT_PASSWORD", &root.secret_key);
        run(&mut command);
    }
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("run {command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    output
}
