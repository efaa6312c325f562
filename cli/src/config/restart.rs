//! Which keys are read only at the start.

use firnline_config::section::{Section as _, Shown};

use super::Config;

/// Keys of `[offload]` that are read at the start alone; all of `[store]`, `[kafka]` and `[http]` are.
#[cfg(feature = "sidecar")]
const OF_OFFLOAD: [&str; 6] =
    ["log_dirs", "node_id", "reserve", "scan_interval", "state_export", "state_interval"];

impl Config {
    /// The keys that differ in `new` and that a server takes only after a restart: all that it reads but the rules.
    #[cfg(feature = "serve")]
    pub fn server_needing_restart(&self, new: &Self) -> Vec<String> {
        let mut keys = self.reader_needing_restart(new);
        differing("serve", self.serve.show(), new.serve.show(), &mut keys);
        keys
    }

    /// The keys that differ in `new` and that a proxy takes only after a restart: all that it reads.
    #[cfg(feature = "serve")]
    pub fn proxy_needing_restart(&self, new: &Self) -> Vec<String> {
        let mut keys = self.reader_needing_restart(new);
        differing("proxy", self.proxy.show(), new.proxy.show(), &mut keys);
        keys
    }

    #[cfg(feature = "serve")]
    fn reader_needing_restart(&self, new: &Self) -> Vec<String> {
        let mut keys = Vec::new();
        differing("store", self.store.show(), new.store.show(), &mut keys);
        differing("cache", self.cache.show(), new.cache.show(), &mut keys);
        let reading =
            |shown: Vec<Shown>| shown.into_iter().filter(|key| key.name.starts_with("read")).collect();
        differing("limits", reading(self.limits.show()), reading(new.limits.show()), &mut keys);
        let ring = |shown: Vec<Shown>| shown.into_iter().filter(|key| key.name != "topics").collect();
        differing("encryption", ring(self.encryption.show()), ring(new.encryption.show()), &mut keys);
        keys
    }

    /// The keys that differ in `new` and take effect only after a restart.
    #[cfg(feature = "sidecar")]
    pub fn needing_restart(&self, new: &Self) -> Vec<String> {
        let mut keys = Vec::new();
        differing("store", self.store.show(), new.store.show(), &mut keys);
        let memory =
            |shown: Vec<Shown>| shown.into_iter().filter(|key| key.name == "upload_memory").collect();
        differing("limits", memory(self.limits.show()), memory(new.limits.show()), &mut keys);
        differing("kafka", self.kafka.show(), new.kafka.show(), &mut keys);
        let ring = |shown: Vec<Shown>| shown.into_iter().filter(|key| key.name != "topics").collect();
        differing("encryption", ring(self.encryption.show()), ring(new.encryption.show()), &mut keys);
        differing("http", self.http.show(), new.http.show(), &mut keys);
        let at_start =
            |shown: Vec<Shown>| shown.into_iter().filter(|key| OF_OFFLOAD.contains(&key.name)).collect();
        differing("offload", at_start(self.offload.show()), at_start(new.offload.show()), &mut keys);
        differing("offload", self.segments.show(), new.segments.show(), &mut keys);
        keys
    }
}

fn differing(section: &str, old: Vec<Shown>, new: Vec<Shown>, keys: &mut Vec<String>) {
    let pairs = old.into_iter().zip(new).filter(|(old, new)| old.value != new.value);
    keys.extend(pairs.map(|(old, _)| format!("{section}.{}", old.name)));
}

#[cfg(all(test, feature = "sidecar"))]
mod tests {
    use super::super::load::parse;
    use crate::surroundings::Surroundings;

    #[test]
    fn keys_that_need_a_restart_are_named_and_others_are_not() {
        let read = |text: &str| parse(text, &Surroundings::default()).unwrap();
        let old = read("store.url = 's3://a/b'\nhttp.listen = 'off'\n");
        let new = read(
            "store.url = 's3://a/c'\noffload.log_dirs = ['/k']\noffload.max_lag = '5m'\n[[topic]]\nname = 'x'\n",
        );
        assert_eq!(old.needing_restart(&new), ["store.url", "http.listen", "offload.log_dirs"]);
        assert!(old.needing_restart(&old).is_empty());
    }
}
