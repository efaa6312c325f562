//! The Azure Blob emulator.

use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::fresh_name;
use crate::{http, ports, process::Server, scratch, tools};

/// A running emulator.
#[derive(Debug)]
pub struct Azurite {
    port: u16,
    _server: Server,
    _directory: TempDir,
}

impl Azurite {
    /// The emulator's storage account.
    pub const ACCOUNT: &'static str = "devstoreaccount1";
    /// The key of that account, which every Azure emulator has and every manual prints.
    pub const KEY: &'static str =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// The emulator that the whole test binary shares.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Azurite> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let directory = scratch::directory("azurite");
        let port = ports::free();
        let mut command = Command::new("node");
        command
            .arg(tools::azurite())
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .args(["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location"])
            .arg(directory.path());
        let mut server = Server::spawn("azurite", &command, &directory.path().join("output"));
        server.wait_until(Duration::from_secs(60), || http::get_status(port, "/").is_some());
        Self { port, _server: server, _directory: directory }
    }

    /// `http://127.0.0.1:PORT/ACCOUNT`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.port, Self::ACCOUNT)
    }

    /// A shared access signature for a container: letters of `rwdlc`, and the time when it ends.
    pub fn sas(container: &str, permissions: &str, expiry: &str) -> String {
        let output = Command::new(tools::source_root().join("tests/azurite/make-sas"))
            .args([Self::ACCOUNT, Self::KEY, container, permissions, expiry])
            .output()
            .expect("run make-sas");
        assert!(output.status.success(), "make a SAS: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Makes a container for one test.
    pub fn container(&self, purpose: &str) -> String {
        let name = fresh_name(purpose);
        let output = Command::new(tools::source_root().join("tests/azurite/make-container"))
            .args([&self.port.to_string(), Self::ACCOUNT, Self::KEY, &name])
            .output()
            .expect("run make-container");
        assert!(output.status.success(), "make a container: {}", String::from_utf8_lossy(&output.stderr));
        name
    }
}
