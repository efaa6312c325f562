//! `[encryption]` to a key ring, and to whether a topic is encrypted.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use firnline_index::topic_key::{RingKey, TopicKey};
use firnline_index::{KeyId, TopicId};
use firnline_reader::{KeyFailure, SegmentKeys};
use firnline_store::Env;
use firnline_tier::Tier;
use firnline_tier::keys::{CommandRing, Encryption, FileRing, KeyRing, TopicKeys};
use futures::future::BoxFuture;

use crate::config::sections::EncryptionSection;
use crate::config::{Config, SecretRef};
use crate::failure::{Failure, Result, codes};
use crate::surroundings::Surroundings;

/// The bits of a file's mode that let others read or write it.
const OTHERS: u32 = 0o006;

/// What is wrong with a secret file that everybody may read or write.
pub(super) fn open_to_everybody(path: &Path) -> std::result::Result<Option<String>, String> {
    let file = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mode = file.permissions().mode();
    let open = mode & OTHERS != 0;
    Ok(open.then(|| {
        format!("{} can be read or written by everybody (mode {:03o})", path.display(), mode & 0o777)
    }))
}

/// The ring that the config names, if it names one.
pub fn key_ring(config: &Config, around: &Surroundings, env: &Env) -> Result<Option<Arc<dyn KeyRing>>> {
    let EncryptionSection { topics: _, keys, active, command } = &config.encryption;
    let Some(active) = active.value.as_ref().map(|name| name.0.clone()) else { return Ok(None) };
    if !command.value.0.is_empty() {
        let words = command.value.0.iter().map(|word| word.0.clone()).collect();
        return Ok(Some(Arc::new(CommandRing::new(words, active))));
    }
    let mut ring = BTreeMap::new();
    for key in &keys.value.0 {
        let unusable = |why: String| {
            Failure::new(
                &codes::KEY_UNUSABLE,
                format!("key {:?} of encryption.keys cannot be used: {why}", key.name),
            )
        };
        if let SecretRef::File(path) = &key.secret
            && let Some(why) = open_to_everybody(path).map_err(unusable)?
        {
            return Err(unusable(why).help(format!("chmod 600 {}", path.display())).into());
        }
        let text = key.secret.resolve(around).map_err(unusable)?;
        let parsed =
            RingKey::parse(text.expose()).map_err(|error| unusable(format!("{} is {error}", key.secret)))?;
        ring.insert(key.name.clone(), parsed);
    }
    let ring = FileRing::new(ring, active, Arc::clone(&env.random));
    let ring = ring.map_err(|error| Failure::new(&codes::KEY_UNUSABLE, error.to_string()))?;
    Ok(Some(Arc::new(ring)))
}

/// The tier with the ring that the config names.
pub fn with_keys(tier: Tier, config: &Config, around: &Surroundings, env: &Env) -> Result<Tier> {
    Ok(match key_ring(config, around, env)? {
        Some(ring) => tier.with_key_ring(ring),
        None => tier,
    })
}

/// Whether topics are encrypted, by the most exact word.
pub fn encryption(of_topic: Option<bool>, of_all: Option<bool>) -> Encryption {
    match of_topic.or(of_all) {
        Some(true) => Encryption::On,
        Some(false) => Encryption::Off,
        None => Encryption::Unsaid,
    }
}

/// A tier's keys, for a reader.
#[derive(Debug)]
pub struct ReaderKeys(pub TopicKeys);

impl SegmentKeys for ReaderKeys {
    fn key(
        &self,
        topic_id: TopicId,
        key_id: KeyId,
    ) -> BoxFuture<'_, std::result::Result<TopicKey, KeyFailure>> {
        Box::pin(async move {
            let key = self.0.get(topic_id, key_id).await;
            key.map_err(|error| KeyFailure { retry: error.is_passing(), source: Arc::new(error) })
        })
    }
}
