//! The ring that wraps topic keys: each process is given it as it is configured when the process starts, and it may be out of
//! reach for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use firnline_index::topic_key::{RingKey, TopicKey, WrapContext, WrappedTopicKey};
use firnline_store::env::Random;
use firnline_tier::keys::{FileRing, KeyRing, RingError, Wrapping};

/// Ring keys that there ever are.
const KEYS: u64 = 8;

/// Which sidecars are told that topics are encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sealing {
    /// None.
    #[default]
    Never,
    /// All of them.
    Always,
    /// All but the one of this node, whose configuration has lost it.
    ButFor(i32),
}

/// The ring, outside of all processes.
#[derive(Debug, Default)]
pub struct Ring {
    active: AtomicU64,
    lost: Arc<AtomicBool>,
}

fn name(number: u64) -> String {
    format!("ring-{number}")
}

fn key(number: u64) -> RingKey {
    RingKey::parse(&format!("{:02x}", number + 1).repeat(32)).expect("32 bytes in hexadecimal")
}

impl Ring {
    /// Processes that start from now on wrap with another key.
    pub fn rotate(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the keys out of everybody's reach, or gives them back.
    pub fn lose(&self, lost: bool) {
        self.lost.store(lost, Ordering::Relaxed);
    }

    /// Whether they are out of reach.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// The ring as a process that starts now has it.
    pub fn hold(&self, random: Arc<dyn Random>) -> Arc<dyn KeyRing> {
        let keys: BTreeMap<String, RingKey> = (0..KEYS).map(|number| (name(number), key(number))).collect();
        let active = name(self.active.load(Ordering::Relaxed) % KEYS);
        let keys = FileRing::new(keys, active, random).expect("it has all keys");
        Arc::new(HeldRing { keys, lost: Arc::clone(&self.lost) })
    }

    /// Opens what stands in the store, without a process.
    pub fn open(object: &[u8]) -> Option<TopicKey> {
        let object = WrappedTopicKey::decode(object).ok()?;
        let number = (0..KEYS).find(|number| name(*number) == object.ring_key)?;
        key(number).unwrap(&object.context(), &object.wrapped).ok()
    }
}

#[derive(Debug)]
struct HeldRing {
    keys: FileRing,
    lost: Arc<AtomicBool>,
}

impl HeldRing {
    fn reach(&self) -> Result<(), RingError> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(RingError::Missing { ring_key: self.keys.active().to_owned(), has: Vec::new() });
        }
        Ok(())
    }
}

#[async_trait]
impl KeyRing for HeldRing {
    fn active(&self) -> &str {
        self.keys.active()
    }

    async fn wrap(&self, context: &WrapContext, key: &TopicKey) -> Result<Wrapping, RingError> {
        self.reach()?;
        self.keys.wrap(context, key).await
    }

    async fn unwrap(
        &self,
        context: &WrapContext,
        ring_key: &str,
        wrapped: &[u8],
    ) -> Result<TopicKey, RingError> {
        self.reach()?;
        self.keys.unwrap(context, ring_key, wrapped).await
    }
}
