//! Certificates for brokers and clients, made by `openssl`.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::scratch;

/// An authority of its own, and the certificates that it made.
#[derive(Debug)]
pub struct Authority {
    directory: TempDir,
}

/// A certificate with its key.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM (PKCS #8).
    pub key: PathBuf,
    /// Both in one file, as a broker's `ssl.keystore.location` of type PEM takes them.
    pub both: PathBuf,
}

impl Authority {
    /// A fresh authority.
    pub fn new(name: &str) -> Self {
        let directory = scratch::directory("certificates");
        let at = directory.path();
        std::fs::write(at.join("config"), config(at)).expect("write the configuration of openssl");
        std::fs::write(at.join("index"), "").expect("write an empty index");
        let subject = format!("/CN={name}");
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key"];
        openssl(at, &[&["req", "-x509"][..], &key, &["-out", "ca.pem", "-subj", &subject, "-days", "30"]]);
        Self { directory }
    }

    /// The authority's own certificate, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A certificate for `name`, valid now, for hosts such as `IP:127.0.0.1` or `DNS:example.org`.
    pub fn issue(&self, name: &str, hosts: &str) -> Issued {
        self.issue_between(name, hosts, ["20200101000000Z", "20491231000000Z"])
    }

    /// A certificate whose time is over.
    pub fn issue_expired(&self, name: &str, hosts: &str) -> Issued {
        self.issue_between(name, hosts, ["20200101000000Z", "20210101000000Z"])
    }

    fn issue_between(&self, name: &str, hosts: &str, [from, to]: [&str; 2]) -> Issued {
        let at = self.directory.path();
        let file = |end: &str| at.join(format!("{name}.{end}"));
        let [key, request, certificate, extensions] =
            ["key", "csr", "pem", "ext"].map(|end| format!("{name}.{end}"));
        std::fs::write(at.join(&extensions), format!("subjectAltName={hosts}\n")).expect("write extensions");
        let subject = format!("/CN={name}");
        let fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", &key];
        openssl(at, &[&["req"][..], &fresh, &["-out", &request, "-subj", &subject]]);
        let by = ["-config", "config", "-cert", "ca.pem", "-keyfile", "ca.key", "-extfile", &extensions];
        let what = ["-in", &request, "-out", &certificate, "-startdate", from, "-enddate", to];
        openssl(at, &[&["ca", "-batch", "-notext"][..], &by, &what]);
        let both = file("both");
        let text = |path: &PathBuf| std::fs::read_to_string(path).expect("read what openssl wrote");
        std::fs::write(&both, text(&file("key")) + &text(&file("pem"))).expect("write both in one");
        Issued { certificate: file("pem"), key: file("key"), both }
    }
}

fn config(at: &Path) -> String {
    format!(
        "[ca]\ndefault_ca = ours\n[ours]\ndatabase = {0}/index\nnew_certs_dir = {0}\nrand_serial = yes\n\
         default_md = sha256\npolicy = names\nunique_subject = no\n[names]\ncommonName = supplied\n",
        at.display()
    )
}

fn openssl(at: &Path, arguments: &[&[&str]]) {
    let output = Command::new("openssl")
        .current_dir(at)
        .args(arguments.iter().copied().flatten())
        .output()
        .expect("run openssl: `make install` puts it there");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
