//! Encrypted topics from end to end, by the commands alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::logs::{Logs, last_line, plain, sealed, tree};
use crate::rig::{Ran, finish, firnline};

/// What every record's value is made of.
const WORDS: &[u8] = b"vvvvvvvvvvvvvvvv";

struct Sealed {
    logs: Logs,
}

impl Sealed {
    fn new() -> Self {
        let sealed = Self { logs: Logs::of(&["orders-0", "clicks-0"]) };
        for (name, byte) in [("a", "11"), ("b", "22")] {
            fs::write(sealed.key_file(name), byte.repeat(32) + "\n").unwrap();
            sealed.mode(name, 0o600);
        }
        sealed
    }

    fn key_file(&self, name: &str) -> PathBuf {
        self.logs.temp.path().join(format!("{name}.key"))
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.key_file(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A config with these ring keys, the last of which is active.
    fn config(&self, keys: &[&str], rest: &str) -> String {
        let path = self.logs.temp.path().join(format!("{}-{}.toml", keys.join("-"), rest.len()));
        let ring: Vec<String> =
            keys.iter().map(|name| format!("\"{name}=file:{}\"", self.key_file(name).display())).collect();
        let active = keys.last().unwrap();
        let ring = format!("keys = [{}]\nactive = \"{active}\"\n", ring.join(", "));
        fs::write(&path, format!("[offload]\ntarget_size = \"1MiB\"\n[encryption]\n{ring}{rest}")).unwrap();
        path.display().to_string()
    }

    fn offload(&self, config: &str) -> Ran {
        let args = ["offload", "--once", "--assume-committed", "--json", "--config", config, "--log-dir"];
        let mut command = firnline(args);
        command.arg(self.logs.path()).env("FIRNLINE_STORE", self.logs.tier());
        finish(command)
    }

    fn on(&self, config: &str, args: &[&str]) -> Ran {
        let mut command = firnline(args);
        command.args(["--config", config]).env("FIRNLINE_STORE", self.logs.tier());
        finish(command)
    }

    fn raw(&self, config: &str, partition: &str) -> Vec<u8> {
        let mut command = firnline(["cat", partition, "--raw", "--config", config]);
        let ran = command.env("FIRNLINE_STORE", self.logs.tier()).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        ran.stdout
    }

    /// Objects in which records can be read.
    fn showing(&self) -> Vec<PathBuf> {
        let shows = |bytes: &[u8]| bytes.windows(WORDS.len()).any(|window| window == WORDS);
        tree(&self.logs.tier()).into_iter().filter(|(_, bytes)| shows(bytes)).map(|(path, _)| path).collect()
    }
}

fn log(dir: &Path) -> Vec<u8> {
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    tree(dir).into_iter().filter(|(path, _)| is_log(path)).flat_map(|(_, bytes)| bytes).collect()
}

#[test]
fn an_encrypted_tier_works_with_its_ring_and_tells_what_is_missing_without() {
    let at = Sealed::new();
    let config = at.config(&["a"], "topics = true\n");
    at.offload(&config).fine();
    assert!(at.showing().is_empty(), "{:?}", at.showing());
    at.on(&config, &["ls"]).fine();
    assert_eq!(at.raw(&config, "orders/0"), sealed(&plain(4, 100)));
    assert!(at.on(&config, &["cat", "orders/0", "--max", "1"]).fine().contains("vvvv"));
    at.on(&config, &["verify", "--deep"]).fine();
    let to = at.logs.temp.path().join("restored");
    at.on(&config, &["restore", "orders/0", "--to", to.to_str().unwrap()]).fine();
    assert_eq!(log(&to), sealed(&plain(4, 100)));
    let listed = at.on(&config, &["ls", "--json"]);
    let object: serde_json::Value = serde_json::from_str(listed.fine().lines().next().unwrap()).unwrap();
    let object = object["object_key"].as_str().unwrap().to_owned();
    let shown = at.on(&config, &["inspect", &object, "--json"]);
    assert!(shown.fine().contains("\"encrypted\":true"), "{}", shown.out);

    // Without the ring: environment, not damage, and it is said what is missing.
    let none = ["verify", "--deep"];
    at.logs.on(&none).fails(3, &["FIRN-T040", "no key ring is configured"]);
    at.logs.on(&["cat", "orders/0"]).fails(3, &["FIRN-R005", "no key ring is configured"]);
    at.logs.on(&["inspect", &object]).fails(3, &["FIRN-T040"]);
    at.logs.on(&["ls"]).fine();
    let other = at.config(&["b"], "");
    at.on(&other, &["cat", "orders/0"]).fails(3, &["has no key \"a\"; it has b"]);
    at.on(&other, &["verify", "--deep"]).fails(3, &["FIRN-T040", "has no key \"a\"; it has b"]);
    // Another key of the same name does not open it.
    fs::write(at.key_file("a"), "33".repeat(32)).unwrap();
    let false_ring = at.config(&["a"], "");
    at.on(&false_ring, &["cat", "orders/0"]).fails(1, &["FIRN-T044", "does not authenticate"]);
    at.on(&false_ring, &["verify", "--deep"]).fails(1, &["FIRN-T044", "ring key \"a\" does not open it"]);
    at.on(&false_ring, &["inspect", &object]).fails(1, &["FIRN-T044"]);
}

#[test]
fn a_lost_setting_uploads_nothing_in_the_clear() {
    let at = Sealed::new();
    at.offload(&at.config(&["a"], "topics = true\n")).fine();
    let names = |logs: &Logs| -> Vec<PathBuf> {
        let all = tree(&logs.tier()).into_iter().map(|(path, _)| path);
        all.filter(|path| !path.display().to_string().contains("/.firnline-store/")).collect()
    };
    let before = names(&at.logs);
    let mut logs = Sealed { logs: at.logs };
    let more = [plain(4, 100), plain(6, 100).split_off(4)].concat();
    fs::remove_dir_all(logs.logs.path().join("orders-0")).unwrap();
    logs.logs.write("orders-0", &more);
    // The config of one who knows nothing of encryption.
    let ran = logs.logs.offload(&[]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(format!("{}{}", ran.out, ran.err).contains("no key ring is configured"), "{ran:?}");
    assert_eq!(names(&logs.logs), before);
    // With the ring and no word of topics it goes on sealed; said, it ends.
    logs.offload(&logs.config(&["a"], "")).fine();
    assert!(names(&logs.logs).len() > before.len() && logs.showing().is_empty());
    let config = logs.config(&["a"], "topics = false\n");
    assert_eq!(logs.raw(&config, "orders/0"), sealed(&more));
}

#[test]
fn topics_are_encrypted_one_by_one() {
    let at = Sealed::new();
    at.offload(&at.config(&["a"], "[[topic]]\nname = 'orders'\nencrypt = true\n")).fine();
    let showing = at.showing();
    assert_eq!(showing.len(), 1, "{showing:?}");
    assert!(showing[0].display().to_string().contains("/clicks."), "{showing:?}");
}

#[test]
fn the_ring_is_changed_without_touching_a_segment() {
    let at = Sealed::new();
    at.offload(&at.config(&["a"], "topics = true\n")).fine();
    let segments = |at: &Sealed| -> Vec<_> {
        let is = |(path, _): &(PathBuf, Vec<u8>)| path.extension().is_some_and(|end| end == "seg");
        tree(&at.logs.tier()).into_iter().filter(is).collect()
    };
    let before = segments(&at);
    let both = at.config(&["a", "b"], "topics = true\n");
    let dry = at.on(&both, &["rewrap", "--dry-run", "--json"]);
    dry.fine();
    assert_eq!((&last_line(&dry)["wrapped"], &last_line(&dry)["current"]), (&2.into(), &0.into()));
    let one = at.on(&both, &["rewrap", "--json", "--topic", "orders"]);
    one.fine();
    assert_eq!((&last_line(&one)["wrapped"], &last_line(&one)["current"]), (&1.into(), &0.into()));
    let all = at.on(&both, &["rewrap", "--json"]);
    all.fine();
    assert_eq!((&last_line(&all)["wrapped"], &last_line(&all)["current"]), (&1.into(), &1.into()));
    let again = at.on(&both, &["rewrap", "--new-topic-keys", "--topic", "orders", "--json"]);
    again.fine();
    assert_eq!((&last_line(&again)["made"], &last_line(&again)["wrapped"]), (&1.into(), &0.into()));
    assert!(before == segments(&at), "no segment was touched");
    // The old key may go.
    let only_new = at.config(&["b"], "topics = true\n");
    assert_eq!(at.raw(&only_new, "orders/0"), sealed(&plain(4, 100)));
    let only_old = at.config(&["a"], "topics = true\n");
    at.on(&only_old, &["rewrap"]).fails(5, &["FIRN-T043", "3"]);
    at.on(&only_new, &["verify", "--deep"]).fine();
}

#[test]
fn a_key_that_everybody_can_read_is_refused() {
    let at = Sealed::new();
    let config = at.config(&["a"], "topics = true\n");
    at.mode("a", 0o644);
    at.offload(&config).fails(3, &["FIRN-T042", "mode 644", "chmod 600"]);
    at.mode("a", 0o600);
    fs::write(at.key_file("a"), "too short").unwrap();
    at.offload(&config).fails(3, &["FIRN-T042", "32 bytes"]);
    fs::remove_file(at.key_file("a")).unwrap();
    at.offload(&config).fails(3, &["FIRN-T042", "a.key"]);
    assert!(tree(&at.logs.temp.path().join("kafka")).len() > 1);
}
