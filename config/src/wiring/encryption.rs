//! `[encryption]` to a key ring, and to whether a topic is encrypted.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use firnline_index::topic_key::{RingKey, TopicKey};
use firnline_index::{KeyId, TopicId};
use firnline_reader::{KeyFailure, SegmentKeys};
use firnline_store::Env;
use firnline_tier::keys::{CommandRing, Encryption, FileRing, KeyRing, TopicKeys};
use futures::future::BoxFuture;

use crate::sections::EncryptionSection;
use crate::surroundings::Surroundings;
use crate::{ConfigError, ErrorKind, SecretRef};

/// The bits of a file's mode that let others read or write it.
const OTHERS: u32 = 0o006;

/// What is wrong with a secret file that everybody may read or write.
pub fn open_to_everybody(path: &Path) -> Result<Option<String>, String> {
    let file = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mode = file.permissions().mode();
    let open = mode & OTHERS != 0;
    Ok(open.then(|| {
        format!("{} can be read or written by everybody (mode {:03o})", path.display(), mode & 0o777)
    }))
}

/// The ring that the config names, if it names one.
///
/// # Errors
/// A key that cannot be read, that others may read, or that is none.
pub fn key_ring(
    section: &EncryptionSection,
    around: &Surroundings,
    env: &Env,
) -> Result<Option<Arc<dyn KeyRing>>, ConfigError> {
    let EncryptionSection { topics: _, keys, active, command } = section;
    let Some(active) = active.value.as_ref().map(|name| name.0.clone()) else { return Ok(None) };
    if !command.value.0.is_empty() {
        let words = command.value.0.iter().map(|word| word.0.clone()).collect();
        return Ok(Some(Arc::new(CommandRing::new(words, active))));
    }
    let mut ring = BTreeMap::new();
    for key in &keys.value.0 {
        let unusable = |why: String| {
            let what = format!("key {:?} of encryption.keys cannot be used: {why}", key.name);
            ConfigError::new(ErrorKind::Key, what)
        };
        if let SecretRef::File(path) = &key.secret
            && let Some(why) = open_to_everybody(path).map_err(unusable)?
        {
            return Err(ConfigError { help: Some(format!("chmod 600 {}", path.display())), ..unusable(why) });
        }
        let text = key.secret.resolve(around).map_err(unusable)?;
        let parsed =
            RingKey::parse(text.expose()).map_err(|error| unusable(format!("{} is {error}", key.secret)))?;
        ring.insert(key.name.clone(), parsed);
    }
    let ring = FileRing::new(ring, active, Arc::clone(&env.random));
    let ring = ring.map_err(|error| ConfigError::new(ErrorKind::Key, error.to_string()))?;
    Ok(Some(Arc::new(ring)))
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
    fn key(&self, topic_id: TopicId, key_id: KeyId) -> BoxFuture<'_, Result<TopicKey, KeyFailure>> {
        Box::pin(async move {
            let key = self.0.get(topic_id, key_id).await;
            key.map_err(|error| KeyFailure { retry: error.is_passing(), source: Arc::new(error) })
        })
    }
}
